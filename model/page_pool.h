// Blocks of memory of one size, each of which several may hold; it is free again when the last of
// them lets go. Memory is taken when a page is used for the first time, and kept.
#pragma once

#include <cstddef>
#include <vector>

#include "base/huge_pages.h"

namespace dws {

class PagePool {
public:
    PagePool(std::size_t page_bytes, std::size_t pages_max);
    PagePool(PagePool&&) = default;  // pages stay where they are
    PagePool& operator=(PagePool&&) = default;

    std::size_t free_pages() const { return free_.size(); }
    // Of a free page, which there is; held once. Its bytes are those of its last use, at first 0.
    std::size_t take();
    // Once more, by another.
    void hold(std::size_t page);
    void let_go(std::size_t page);
    bool is_shared(std::size_t page) const { return holders_[page] > 1; }
    // They begin at a cache line.
    std::byte* bytes(std::size_t page) { return pages_[page].data(); }

private:
    std::size_t page_bytes_;
    std::vector<HugeVector<std::byte>> pages_;  // empty until used; for their alignment
    std::vector<int> holders_;                  // of each page
    std::vector<std::size_t> free_;             // the one to take next is last
};

}  // namespace dws
