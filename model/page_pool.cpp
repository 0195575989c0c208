#include "model/page_pool.h"

#include <numeric>

#include "base/require.h"

namespace dws {

PagePool::PagePool(std::size_t page_bytes, std::size_t pages_max)
    : page_bytes_(page_bytes), pages_(pages_max), holders_(pages_max), free_(pages_max) {
    std::iota(free_.rbegin(), free_.rend(), std::size_t{0});
}

std::size_t PagePool::take() {
    require(!free_.empty(), "a page is free when one is taken");
    const std::size_t page = free_.back();
    free_.pop_back();
    holders_[page] = 1;
    pages_[page].resize(page_bytes_);
    return page;
}

void PagePool::hold(std::size_t page) {
    require(holders_[page] > 0, "a page in use is held once more");
    holders_[page] += 1;
}

void PagePool::let_go(std::size_t page) {
    require(holders_[page] > 0, "a page is let go by who holds it");
    holders_[page] -= 1;
    if (holders_[page] == 0) free_.push_back(page);
}

}  // namespace dws
