/*
 * The exporter's page: files of this folder, in the program.
 */
#ifndef CTL_PAGE_H
#define CTL_PAGE_H

extern const char page_html[];
extern const char page_css[];
extern const char page_js[];

#endif
