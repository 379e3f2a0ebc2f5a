// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

// Products by WeightMatrix against sums in double, for shapes around every border of the algorithm: rows of one block
// and of many, rows that can be halved twice, once or not at all, odd depths, widths that fill no vector, several
// blocks of columns.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "fast/WeightMatrix.h"

namespace lps::testing {
namespace {

using fast::AlignedBuffer;

struct Shape {
    int rows, depth, width;
};

const Shape shapes[] = {{1, 1, 25},      {1, 120, 120},   {15, 240, 240}, {16, 240, 240}, {17, 240, 240}, {47, 128, 96},
                        {48, 1480, 240}, {48, 240, 1480}, {33, 241, 240}, {48, 64, 5},    {24, 66, 200},  {86, 50, 100},
                        {32, 600, 200},  {36, 598, 96},   {34, 600, 200}, {44, 128, 1999}};

template <typename T>
class TestWeightMatrix : public ::testing::Test {};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TestWeightMatrix, Numbers);

TYPED_TEST(TestWeightMatrix, AgreesWithSumsInDouble) {
    using T = TypeParam;
    ASSERT_FALSE(fast::getSupportedTargets().empty());
    std::mt19937 generator(3);
    std::normal_distribution<double> normal;
    for (const std::string& target : fast::getSupportedTargets()) {
        const fast::Kernels<T>& kernels = fast::getKernels<T>(target);
        fast::ProductScratch<T> scratch;
        for (const Shape& shape : shapes) {
            SCOPED_TRACE(target + " " + std::to_string(shape.rows) + " x " + std::to_string(shape.depth) + " x " +
                         std::to_string(shape.width));
            std::vector<double> B(static_cast<std::size_t>(shape.depth) * shape.width);
            for (double& b : B)
                b = static_cast<T>(normal(generator));
            fast::WeightMatrix<T> matrix;
            matrix.pack(kernels, shape.depth, shape.width, [&](int k, int n) { return B[k * shape.width + n]; });

            const int lanes = kernels.lanes;
            const std::size_t lda = (shape.depth + lanes - 1) / lanes * lanes + lanes;
            const std::size_t ldc = (shape.width + lanes - 1) / lanes * lanes;
            AlignedBuffer<T> A(shape.rows * lda), C(shape.rows * ldc);
            std::fill_n(A.data(), A.size(), std::numeric_limits<T>::quiet_NaN());  // beyond the depth nothing may count
            for (int i = 0; i < shape.rows; i++)
                for (int k = 0; k < shape.depth; k++)
                    A[i * lda + k] = static_cast<T>(normal(generator));
            std::vector<double> exact(shape.rows * ldc, 0.0);
            for (int i = 0; i < shape.rows; i++)
                for (int n = 0; n < shape.width; n++)
                    for (int k = 0; k < shape.depth; k++)
                        exact[i * ldc + n] += static_cast<double>(A[i * lda + k]) * B[k * shape.width + n];

            using Matrix = fast::WeightMatrix<T>;
            for (int sharers : {1, Matrix::minSharers[0], Matrix::minSharers[1]}) {
                std::fill_n(C.data(), C.size(), std::numeric_limits<T>::quiet_NaN());
                matrix.multiply(kernels, shape.rows, sharers, A.data(), lda, C.data(), ldc, scratch);
                double largest = 0.0;
                for (int i = 0; i < shape.rows; i++)
                    for (int n = 0; n < shape.width; n++) {
                        const double error = std::abs(C[i * ldc + n] - exact[i * ldc + n]);
                        ASSERT_EQ(error, error) << i << " " << n;  // not a number
                        largest = std::max(largest, error);
                    }
                // Partial sums of `depth` terms of order one reach sqrt(depth), and so many roundings add up.
                EXPECT_LT(largest, 8.0 * std::numeric_limits<T>::epsilon() * (shape.depth + 16)) << sharers;
                for (int i = 0; i < shape.rows; i++)
                    for (std::size_t n = shape.width; n < ldc; n++)
                        EXPECT_EQ(C[i * ldc + n], T(0));
            }
        }
    }
}

}  // namespace
}  // namespace lps::testing
