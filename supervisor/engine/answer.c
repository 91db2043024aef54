#include "supervisor/engine/answer.h"

#define HOPE_MAX 64
#define HOPE_GAINED 4
#define TRY_EACH 64

bool
answer_is_likely(struct answer *answer)
{
	return answer->hope > 0 || ++answer->passed % TRY_EACH == 0;
}

void
answer_note(struct answer *answer, bool came)
{
	if (came && answer->hope <= HOPE_MAX - HOPE_GAINED)
		answer->hope += HOPE_GAINED;
	else if (!came && answer->hope > 0)
		answer->hope--;
}
