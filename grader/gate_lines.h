/*
 * gate_lines.h: at which line of its source an object uses or defines a symbol (libelf, libdw).
 */
#ifndef GRADER_GATE_LINES_H
#define GRADER_GATE_LINES_H

/* gate_lines_of_use: the line of the first instruction in the object at `path` that refers to `symbol`; 0 if none does,
 * or it has no line. */
int gate_lines_of_use(const char *path, const char *symbol);

/* gate_lines_of_definition: the line where the function or variable `symbol` of the object is declared; 0 if unknown.
 */
int gate_lines_of_definition(const char *path, const char *symbol);

#endif
