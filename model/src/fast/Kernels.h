// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace lps::fast {

/**
 * @file Kernels.h
 * The vector kernels of the fast evaluator. They are written once (*-inl.h) and compiled for every instruction
 * set; a table of function pointers per instruction set and number type is what the rest of the evaluator sees.
 *
 * "Padded" widths are multiples of the number of lanes; arrays are 64-byte aligned; kernels may write up to one vector
 * beyond the true width where a parameter says "padded".
 */

/** Numbers of one center type that the environment kernel needs; theory section 2. */
template <typename T>
struct EnvironmentParameters {
    double switchStart, inverseSwitchWidth;
    double protection;
    double mean[4], inverseStddev[4];
    const T* cellStarts = nullptr;    ///< [cells] of the RadialGrid
    const T* cellInverses = nullptr;  ///< intervals per angstrom
    const T* cellRows = nullptr;      ///< number of the first interval
    int cells = 0;
    int lastRow = 0;      ///< number of the last interval
    int splitRow = -1;    ///< interval with another row beyond the start of the switch; -1: none
    int splitTarget = 0;  ///< that row
};

/** Arrays with one number per neighbor of a center, each [capacity]. */
template <typename T>
struct PairFields {
    using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

    T *x, *y, *z;    ///< in: displacement; environment(): unit vector
    T* r;            ///< in: r^2; environment(): r
    T* R[4];         ///< normalized environment row
    T* diagonal;     ///< w/q^2
    T* radial0;      ///< w'/q - w/q^2
    T* radial1;      ///< r (w'/q^2 - 2 w/q^3)
    T* t;            ///< position within the table interval
    T* slope;        ///< dt/dr
    Integer* row;    ///< interval of the radial table, negative below its start
    T* v[5];         ///< gradient(): dE/dR of the four components, and dE/dt; forces(): 0 to 2, dE/d(displacement)
    const T** rows;  ///< coefficients of the interval
    int* index;      ///< neighbor
};

/** Some of the pairs of a center, one after the other. */
struct PairRange {
    int begin, end;
};

/** One panel-packed matrix [depth][width]: the right-hand side of gemm(). */
template <typename T>
struct PackedMatrix {
    int depth = 0;
    int vectors = 0;  ///< width in vectors
    const T* data = nullptr;
};

/** Rows of numbers at a distance of `ld`, in memory of someone else. */
template <typename T>
struct Rows {
    T* data = nullptr;
    std::size_t ld = 0;

    Rows at(int row, int column) const { return {data + row * ld + column, ld}; }
    operator Rows<const T>() const { return {data, ld}; }
};

/** Matrices that are added up. */
template <typename T>
struct Terms {
    static constexpr int maxCount = 4;

    int count = 0;
    Rows<const T> rows[maxCount];

    void add(Rows<const T> term) { rows[count++] = term; }
    Terms at(int row, int column) const {
        Terms result;
        for (int i = 0; i < count; i++)
            result.add(rows[i].at(row, column));
        return result;
    }
};

template <typename T>
struct Kernels {
    const char* name;  ///< instruction set
    int lanes;         ///< numbers per vector
    int panelVectors;  ///< vectors per panel of a packed matrix
    int blockRows;     ///< rows per register block of gemm

    /** Environment rows and their derivatives from displacements; fills everything but v, rows and index. */
    void (*environment)(const EnvironmentParameters<T>& parameters, int count, const PairFields<T>& pairs);

    /**
     * The kernels that read a table, for one number of coefficients per channel. Rows of coefficients are blocked:
     * [block of lanes channels][numCoefficients][lanes], in ascending powers; the number of channels is padded. From
     * numLong on, coefficients are kept in float32.
     */
    struct Table {
        int numCoefficients;
        int numLong;
        int blockSize;  ///< in numbers of type T

        /** A[c][m] += sum over the range of R_c p_m(t), with p_m the polynomial of each pair's row. @param A
         * [4][channels]
         */
        void (*accumulate)(PairRange range, const PairFields<T>& pairs, int channels, T* A);

        /** v[c] = sum_m p_m G[c][m]; v[4] = sum_m dp_m/dt sum_c R_c G[c][m]. @param G [4][channels] */
        void (*gradient)(PairRange range, const PairFields<T>& pairs, int channels, const T* G);
    };
    Table linear, quintic, septic;

    /** dE/d(displacement) of every pair, into v[0], v[1], v[2]. */
    void (*forces)(const EnvironmentParameters<T>& parameters, int count, const PairFields<T>& pairs);

    /**
     * Folded descriptor: D_nm = sum_c A[c][n] A[c][m] for n < axis, n <= m < width, row after row: axis (width - axis)
     * + axis (axis + 1) / 2 numbers, plus up to one vector of garbage.
     */
    void (*descriptor)(int width, int axis, int padded, const T* A, T* D);

    /** G = dE/dA from Y = dE/dD in the folded layout; a vector beyond its end is read. */
    void (*descriptorGradient)(int width, int axis, int padded, const T* A, const T* Y, T* G);

    /** C [rows][B.vectors * lanes] = start + A [rows][B.depth] B. @param start aligned; one of them may be C */
    void (*gemm)(int rows, const T* A, std::size_t lda, const PackedMatrix<T>& B, const Terms<T>& start, T* C,
                 std::size_t ldc);

    /**
     * Overwrites z: y = activation(z + bias) * timestep + residual, and the derivative of the first term with respect
     * to z.
     * @param width padded
     * @param timestep, residual null: none
     */
    using Activate = void(int rows, int width, T* zy, std::size_t ld, const T* bias, const T* timestep,
                          const T* residual, std::size_t residualLd, T* derivative, std::size_t derivativeLd);
    Activate *tanh, *silu, *gelu;

    /** out = a * b elementwise. @param width padded */
    void (*multiply)(int rows, int width, const T* a, std::size_t lda, const T* b, std::size_t ldb, T* out,
                     std::size_t ldo);

    /** out += a elementwise. @param width padded */
    void (*add)(int rows, int width, const T* a, std::size_t lda, T* out, std::size_t ldo);

    /** out = a + factor b elementwise; a and b need no alignment and may be out. @param width padded */
    void (*combine)(int rows, int width, const T* a, std::size_t lda, double factor, const T* b, std::size_t ldb,
                    T* out, std::size_t ldo);

    /** out = sum of terms, at least one; all aligned. @param width padded */
    void (*addUp)(int rows, int width, const Terms<T>& terms, Rows<T> out);

    /**
     * Sums of the quadrants of X = a + factor b that WeightMatrix needs: X21 + X22, that - X11, X11 - X21, X12 minus
     * the second. X itself goes to `whole` unless b is null, when it is a.
     * @param rows, width of a quadrant; the width of all but the last column of quadrants need not be padded
     */
    void (*addQuadrants)(int rows, int width, Rows<const T> a, double factor, Rows<const T> b, Rows<T> whole,
                         const Rows<T> (&sums)[4]);

    /** sum_k a[k] b[k] in double. @param width padded */
    double (*dot)(int width, const T* a, const T* b);

    /** Repeat independent multiply-adds on registers; returns the number of floating-point operations done. */
    double (*burn)(long long rounds);
};

/** Instruction sets that were compiled in and that this machine has, best first; the last always works. */
std::vector<std::string> getSupportedTargets();

/**
 * Kernels of an instruction set.
 * @param target one of getSupportedTargets(); empty: the environment variable LPS_SIMD if set, else the best
 * @throws Error listing the supported ones
 */
template <typename T>
const Kernels<T>& getKernels(const std::string& target = {});

}  // namespace lps::fast
