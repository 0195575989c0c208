// Memory in huge pages where the system grants them. Words that are read and written here and there
// all over a gigabyte cost a walk through the page tables each otherwise.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace dws {

// An allocator. Below the size of some huge pages it only aligns to cache lines.
template <class T>
struct HugePages {
    using value_type = T;

    static constexpr std::align_val_t kLine{64};
    static constexpr std::align_val_t kPage{std::size_t{2} << 20};
    static constexpr std::size_t kWorthwhileBytes = std::size_t{8} << 20;

    HugePages() = default;
    template <class Other>
    HugePages(const HugePages<Other>&) {}

    static bool is_worthwhile(std::size_t count) { return count * sizeof(T) >= kWorthwhileBytes; }

    T* allocate(std::size_t count) {
        if (!is_worthwhile(count)) return static_cast<T*>(::operator new(count * sizeof(T), kLine));
        void* memory = ::operator new(count * sizeof(T), kPage);
        madvise(memory, count * sizeof(T), MADV_HUGEPAGE);  // a wish: refused is as good
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t count) {
        ::operator delete(memory, is_worthwhile(count) ? kPage : kLine);
    }

    bool operator==(const HugePages&) const = default;
};

template <class T>
using HugeVector = std::vector<T, HugePages<T>>;

}  // namespace dws
