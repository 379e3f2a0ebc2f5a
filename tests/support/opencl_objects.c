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

/** Count the event of a command that was accepted, if the caller asked for it; returns the status. */
static cl_int takeEvent(cl_int status, const cl_event* event) {
    if (event && status == CL_SUCCESS)
        take(EVENT, *event);
    return status;
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

typedef void(CL_CALLBACK* Notify)(const char*, const void*, size_t, void*);

cl_context clCreateContext(const cl_context_properties* properties, cl_uint count, const cl_device_id* devices,
                           Notify notify, void* data, cl_int* status) {
    cl_context object = NEXT(clCreateContext)(properties, count, devices, notify, data, status);
    take(CONTEXT, object);
    return object;
}

cl_context clCreateContextFromType(const cl_context_properties* properties, cl_device_type type, Notify notify,
                                   void* data, cl_int* status) {
    cl_context object = NEXT(clCreateContextFromType)(properties, type, notify, data, status);
    take(CONTEXT, object);
    return object;
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device, cl_command_queue_properties properties,
                                      cl_int* status) {
    cl_command_queue object = NEXT(clCreateCommandQueue)(context, device, properties, status);
    take(QUEUE, object);
    return object;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char** texts, const size_t* lengths,
                                     cl_int* status) {
    cl_program object = NEXT(clCreateProgramWithSource)(context, count, texts, lengths, status);
    take(PROGRAM, object);
    return object;
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id* devices,
                                     const size_t* lengths, const unsigned char** binaries, cl_int* each,
                                     cl_int* status) {
    cl_program object = NEXT(clCreateProgramWithBinary)(context, count, devices, lengths, binaries, each, status);
    take(PROGRAM, object);
    return object;
}

cl_kernel clCreateKernel(cl_program program, const char* name, cl_int* status) {
    cl_kernel object = NEXT(clCreateKernel)(program, name, status);
    take(KERNEL, object);
    return object;
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host, cl_int* status) {
    cl_mem object = NEXT(clCreateBuffer)(context, flags, size, host, status);
    take(MEMORY, object);
    return object;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t* offset,
                              const size_t* global, const size_t* local, cl_uint count, const cl_event* wait,
                              cl_event* event) {
    const cl_int status =
        NEXT(clEnqueueNDRangeKernel)(queue, kernel, dimensions, offset, global, local, count, wait, event);
    if (event && status == CL_SUCCESS)
        take(EVENT, *event);
    return status;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t size,
                           void* target, cl_uint count, const cl_event* wait, cl_event* event) {
    return takeEvent(NEXT(clEnqueueReadBuffer)(queue, memory, blocking, offset, size, target, count, wait, event),
                     event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset, size_t size,
                            const void* source, cl_uint count, const cl_event* wait, cl_event* event) {
    return takeEvent(NEXT(clEnqueueWriteBuffer)(queue, memory, blocking, offset, size, source, count, wait, event),
                     event);
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem source, cl_mem target, size_t from, size_t to, size_t size,
                           cl_uint count, const cl_event* wait, cl_event* event) {
    return takeEvent(NEXT(clEnqueueCopyBuffer)(queue, source, target, from, to, size, count, wait, event), event);
}

cl_int clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint count, const cl_event* wait, cl_event* event) {
    return takeEvent(NEXT(clEnqueueBarrierWithWaitList)(queue, count, wait, event), event);
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem memory, void* mapped, cl_uint count, const cl_event* wait,
                               cl_event* event) {
    return takeEvent(NEXT(clEnqueueUnmapMemObject)(queue, memory, mapped, count, wait, event), event);
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count, const cl_event* wait, cl_event* event) {
    return takeEvent(NEXT(clEnqueueMarkerWithWaitList)(queue, count, wait, event), event);
}

void* clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags flags, size_t offset,
                         size_t size, cl_uint count, const cl_event* wait, cl_event* event, cl_int* status) {
    void* mapped = NEXT(clEnqueueMapBuffer)(queue, memory, blocking, flags, offset, size, count, wait, event, status);
    if (event && mapped)
        take(EVENT, *event);
    return mapped;
}
