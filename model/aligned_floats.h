// Floats that begin at a cache line: a vector that crosses two lines is loaded twice.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace dws {

class AlignedFloats {
public:
    AlignedFloats() = default;
    explicit AlignedFloats(std::size_t count) { reach(count); }
    AlignedFloats(AlignedFloats&&) = default;
    AlignedFloats& operator=(AlignedFloats&&) = default;

    // At least count floats. What was there is lost when that needs more memory, which holds zeros.
    void reach(std::size_t count) {
        if (count <= count_) return;
        constexpr std::size_t kLineBytes = 64;
        storage_ = std::vector<float>(count + kLineBytes / sizeof(float));
        void* first = storage_.data();
        std::size_t space_bytes = storage_.size() * sizeof(float);
        first_ =
            static_cast<float*>(std::align(kLineBytes, count * sizeof(float), first, space_bytes));
        count_ = count;
    }

    float* data() { return first_; }
    const float* data() const { return first_; }
    float& operator[](std::size_t i) { return first_[i]; }
    const float& operator[](std::size_t i) const { return first_[i]; }

private:
    std::vector<float> storage_;
    float* first_ = nullptr;
    std::size_t count_ = 0;
};

}  // namespace dws
