/**
 * Bytes of a connection that Aedes is handed before it has taken them. Few, because it works on all of them at once:
 * with Node's own 16 KiB (64 from version 22 on) one flood of PUBRELs or SUBSCRIBEs held 40 to 50 MB. Messages at QoS 0
 * and 1 do not go that way.
 */
export const READ_AHEAD_BYTES = 2 * 1024;
