/**
 * Bytes that a connection's stream takes before whoever reads it has taken them. Said, because Node's default is four
 * times as much from version 22 on, and 64 KiB of the smallest SUBSCRIBEs are 50 MB while Aedes works on them.
 */
export const READ_AHEAD_BYTES = 16 * 1024;
