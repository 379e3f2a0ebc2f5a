/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the openmm-lps authors
 *
 * Preloaded before the OpenCL loader: counts the references that a process holds to objects of OpenCL. Every reference
 * that a call returns or that is retained must be released in the end, by whoever took it.
 */

#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

enum { CONTEXT, QUEUE, PROGRAM, KERNEL, MEMORY, EVENT, KINDS };

static atomic_long references[KINDS], created[KINDS];

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void take(int kind, const void* object) {
    if (object) {
        atomic_fetch_add(&references[kind], 1);
        atomic_fetch_add(&created[kind], 1);
    }
}

/** [contexts, queues, programs, kernels, memory objects, events]: references held now, and those that calls have
 * returned so far. */
void countOpenclObjects(long* held, long* returned) {
    for (int kind = 0; kind < KINDS; kind++) {
        held[kind] = atomic_load(&references[kind]);
        returned[kind] = atomic_load(&created[kind]);
    }
}

#define COUNT(kind, suffix, type)                              \
    cl_int clRetain##suffix(type object) {                     \
        const cl_int status = NEXT(clRetain##suffix)(object);  \
        if (status == CL_SUCCESS)                              \
            atomic_fetch_add(&references[kind], 1);            \
        return status;                                         \
    }                                                          \
    cl_int clRelease##suffix(type object) {                    \
        const cl_int status = NEXT(clRelease##suffix)(object); \
        if (status == CL_SUCCESS)                              \
            atomic_fetch_sub(&references[kind], 1);            \
        return status;                                         \
    }

COUNT(CONTEXT, Context, cl_context)
COUNT(QUEUE, CommandQueue, cl_command_queue)
COUNT(PROGRAM, Program, cl_program)
COUNT(KERNEL, Kernel, cl_kernel)
COUNT(MEMORY, MemObject, cl_mem)
COUNT(EVENT, Event, cl_event)

/** A call that returns an object. */
#define CREATE(kind, type, name, parameters, ...)    \
    type name parameters {                           \
        const type object = NEXT(name)(__VA_ARGS__); \
        take(kind, object);                          \
        return object;                               \
    }

/** A command, whose last arguments are events to wait for and, if the caller asked for it, its own. */
#define COMMAND(name, parameters, ...)                                                                            \
    cl_int name(cl_command_queue queue, UNPACK parameters cl_uint count, const cl_event* wait, cl_event* event) { \
        const cl_int status = NEXT(name)(queue, ##__VA_ARGS__, count, wait, event);                               \
        if (event && status == CL_SUCCESS)                                                                        \
            take(EVENT, *event);                                                                                  \
        return status;                                                                                            \
    }
#define UNPACK(...) __VA_ARGS__

typedef void(CL_CALLBACK* Notify)(const char*, const void*, size_t, void*);

CREATE(CONTEXT, cl_context, clCreateContext,
       (const cl_context_properties* properties, cl_uint count, const cl_device_id* devices, Notify notify, void* data,
        cl_int* status),
       properties, count, devices, notify, data, status)
CREATE(CONTEXT, cl_context, clCreateContextFromType,
       (const cl_context_properties* properties, cl_device_type type, Notify notify, void* data, cl_int* status),
       properties, type, notify, data, status)
CREATE(QUEUE, cl_command_queue, clCreateCommandQueue,
       (cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int* status), context,
       device, properties, status)
CREATE(PROGRAM, cl_program, clCreateProgramWithSource,
       (cl_context context, cl_uint count, const char** texts, const size_t* lengths, cl_int* status), context, count,
       texts, lengths, status)
CREATE(PROGRAM, cl_program, clCreateProgramWithBinary,
       (cl_context context, cl_uint count, const cl_device_id* devices, const size_t* lengths,
        const unsigned char** binaries, cl_int* each, cl_int* status),
       context, count, devices, lengths, binaries, each, status)
CREATE(KERNEL, cl_kernel, clCreateKernel, (cl_program program, const char* name, cl_int* status), program, name, status)
CREATE(MEMORY, cl_mem, clCreateBuffer,
       (cl_context context, cl_mem_flags flags, size_t size, void* host, cl_int* status), context, flags, size, host,
       status)

COMMAND(clEnqueueNDRangeKernel,
        (cl_kernel kernel, cl_uint dimensions, const size_t* offset, const size_t* global, const size_t* local, ),
        kernel, dimensions, offset, global, local)
COMMAND(clEnqueueReadBuffer, (cl_mem memory, cl_bool blocking, size_t offset, size_t size, void* target, ), memory,
        blocking, offset, size, target)
COMMAND(clEnqueueWriteBuffer, (cl_mem memory, cl_bool blocking, size_t offset, size_t size, const void* source, ),
        memory, blocking, offset, size, source)
COMMAND(clEnqueueCopyBuffer, (cl_mem source, cl_mem target, size_t from, size_t to, size_t size, ), source, target,
        from, to, size)
COMMAND(clEnqueueUnmapMemObject, (cl_mem memory, void* mapped, ), memory, mapped)
COMMAND(clEnqueueBarrierWithWaitList, ())
COMMAND(clEnqueueMarkerWithWaitList, ())

void* clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t size, cl_uint count, const cl_event* wait, cl_event* event, cl_int* status) {
    void* mapped = NEXT(clEnqueueMapBuffer)(queue, memory, blocking, flags, offset, size, count, wait, event, status);
    if (event && mapped)
        take(EVENT, *event);
    return mapped;
}
