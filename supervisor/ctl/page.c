#include "supervisor/ctl/page.h"

const char page_html[] =
#include "supervisor/ctl/page.html.inc"
    ;

const char page_css[] =
#include "supervisor/ctl/page.css.inc"
    ;

const char page_js[] =
#include "supervisor/ctl/page.js.inc"
    ;
