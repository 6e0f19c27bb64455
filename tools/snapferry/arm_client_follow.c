/* arm_client_follow.c - what a request began, followed to its end (protocol E.9); see arm_client_work.h. */
#include "tools/snapferry/arm_answer.h"
#include "tools/snapferry/arm_client_work.h"

/* An answer to the request itself: done, or the beginning of an operation. */
static void follow_asking(struct arm_work *work, int status, json_t *answer)
{
    if (work->state_url) {
        work->phase = ARM_STATE;
        arm_work_ask(work, work->state_url);
    } else if (work->result_url && (status == 202 || (status == 201 && !answer))) {
        work->phase = ARM_RESULT;
        arm_work_ask(work, work->result_url);
    } else {
        arm_work_end(work, answer);
    }
}

/* The operation succeeded: what it has to give stands in its state, behind Location, or nowhere. */
static void take_result(struct arm_work *work, json_t *answer)
{
    if (arm_answer_output(answer) || arm_answer_sas(answer) || !work->result_url ||
        work->call->method == HTTP_PUT) {
        arm_work_end(work, answer);
        return;
    }
    work->phase = ARM_RESULT;
    arm_work_ask(work, work->result_url);
}

static void follow_state(struct arm_work *work, json_t *answer)
{
    switch (arm_answer_progress(answer)) {
    case ARM_DONE:
        take_result(work, answer);
        return;
    case ARM_FAILED:
        arm_answer_failure(answer, &work->call->err);
        arm_work_fail(work);
        return;
    case ARM_RUNS:
        arm_work_ask(work, work->state_url);
        return;
    }
}

void arm_work_follow(struct arm_work *work, int status, json_t *answer)
{
    switch (work->phase) {
    case ARM_ASKING:
        if (work->call->method == HTTP_GET)
            arm_work_end(work, answer);
        else
            follow_asking(work, status, answer);
        return;
    case ARM_STATE:
        follow_state(work, answer);
        return;
    case ARM_RESULT:
        if (status == 202)
            arm_work_ask(work, work->result_url);
        else
            arm_work_end(work, answer);
        return;
    }
}
