/** Most bytes of a diff that are read. The runner keeps none above 48 MB, so only a newer server reaches it. */
export const DIFF_BYTES_MAX = 64 * 1024 * 1024;
/** Most files that are listed; beyond it a list serves nobody. */
export const FILES_MAX = 50_000;
/** Most lines that are indexed: 17 bytes of index each, so 51 MB at most. */
export const LINES_MAX = 3_000_000;
/** Most problems that are kept: the first tell what is wrong. */
export const PROBLEMS_MAX = 50;
/** Longest line of which all is shown at once: layout of more takes visible time. */
export const LINE_CHARS_SHOWN = 2_000;
/** How much of a long line "show more" reveals; the rest is read in a checkout. */
export const LINE_CHARS_MORE = 40_000;
/** Lines of a file that are shown without asking. */
export const FILE_LINES_SHOWN = 1_500;
/** Lines of all files together that start unfolded: above it only what is asked for is laid out. */
export const OPEN_LINES_MAX = 20_000;
/** A header longer than this is no header of a file. */
export const HEADER_LINE_MAX = 64 * 1024;
/** Bytes of a file's text that get syntax colours: the parser runs on the page's own thread. */
export const COLOUR_BYTES_MAX = 200 * 1024;
/** Longest line that gets syntax colours or marked words. */
export const COLOUR_LINE_MAX = 1_000;
/** Words of a line that are compared: the comparison takes the product of both sides. */
export const WORDS_MAX = 250;
