/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the openmm-lps authors
 *
 * Preloaded before the OpenCL loader: replaces the text LPS_EDIT_FROM in every program by LPS_EDIT_TO, so that checks
 * can be tried on kernels with a fault (devtools/oclgrind.py). Says on the standard error how often it found the text.
 */

#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char* join(cl_uint count, const char** texts, const size_t* lengths) {
    size_t size = 1;
    for (cl_uint i = 0; i < count; i++)
        size += lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
    char* whole = malloc(size);
    char* end = whole;
    for (cl_uint i = 0; whole && i < count; i++) {
        const size_t length = lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
        memcpy(end, texts[i], length);
        end += length;
    }
    if (whole)
        *end = 0;
    return whole;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char** texts, const size_t* lengths,
                                     cl_int* status) {
    cl_program (*next)(cl_context, cl_uint, const char**, const size_t*, cl_int*) =
        (__typeof__(next))dlsym(RTLD_NEXT, "clCreateProgramWithSource");
    const char* from = getenv("LPS_EDIT_FROM");
    const char* to = getenv("LPS_EDIT_TO");
    char* whole = from && *from && to ? join(count, texts, lengths) : NULL;
    char* place = whole ? strstr(whole, from) : NULL;
    if (!place) {
        free(whole);
        return next(context, count, texts, lengths, status);
    }
    int found = 0;
    for (; place; found++) {
        const size_t before = place - whole;
        char* edited = malloc(strlen(whole) + strlen(to) + 1);
        if (!edited)
            abort();
        memcpy(edited, whole, before);
        strcpy(edited + before, to);
        strcat(edited, place + strlen(from));
        place = strstr(edited + before + strlen(to), from);
        free(whole);
        whole = edited;
    }
    fprintf(stderr, "edited in %d places\n", found);
    const char* text = whole;
    cl_program program = next(context, 1, &text, NULL, status);
    free(whole);
    return program;
}
