/* command_id.h - the commands of snapferry, as the rest of the tool names them.
 *
 * Knows: that they exist. Must not know: what they do. Threads: a value.
 */
#ifndef SNAPFERRY_COMMAND_ID_H
#define SNAPFERRY_COMMAND_ID_H

enum command_id {
    COMMAND_COPY,
    COMMAND_PLAN,
    COMMAND_VERIFY,
    COMMAND_SNAPSHOT,
    COMMAND_MAP_BUILD,
    COMMAND_MAP_DIFF,
    COMMAND_MAP_SHOW,
    COMMAND_SEND,
    COMMAND_EXPORT,
    COMMAND_APPLY,
    COMMAND_RECEIVE,
    COMMAND_RUN,
    COMMAND_CTL,
    COMMAND_RP_LIST,
    COMMAND_RP_STATUS,
    COMMAND_RP_VERIFY,
    COMMAND_RP_ACCESS,
    COMMAND_RP_RESTORE,
    COMMAND_RP_COPY,
    COMMAND_BENCH,
    COMMANDS_COUNT
};

#endif
