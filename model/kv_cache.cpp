#include "model/kv_cache.h"

#include <algorithm>

#include "base/require.h"

namespace dws {
namespace {

std::size_t pool_pages(int slots, int capacity_tokens, int pool_tokens) {
    require(slots >= 1 && capacity_tokens >= 1, "a cache has room");
    require(pool_tokens == 0 || pool_tokens >= capacity_tokens, "a pool has room for a full slot");
    if (pool_tokens > 0) return pages_for(static_cast<std::size_t>(pool_tokens));
    return static_cast<std::size_t>(slots) * pages_for(static_cast<std::size_t>(capacity_tokens));
}

}  // namespace

KvCache::KvCache(const ModelConfig& config, int slots, int capacity_tokens, int pool_tokens,
                 std::size_t number_bytes)
    : capacity_(capacity_tokens),
      layers_(config.layers),
      number_bytes_(number_bytes),
      layer_numbers_(page_layer_numbers(HeadShape(config))),
      page_bytes_(static_cast<std::size_t>(config.layers) * layer_numbers_ * number_bytes),
      pool_(page_bytes_, pool_pages(slots, capacity_tokens, pool_tokens)),
      slots_(static_cast<std::size_t>(slots)) {
    table_.grow(config, capacity_);
}

std::size_t KvCache::checked(int slot) const {
    require(slot >= 0 && static_cast<std::size_t>(slot) < slots_.size(), "a slot of this cache");
    return static_cast<std::size_t>(slot);
}

void KvCache::clear(int slot) {
    Slot& cleared = slots_[checked(slot)];
    for (const std::size_t page : cleared.pages) pool_.let_go(page);
    cleared = {};
}

void KvCache::add_page(Slot& slot, std::size_t page) {
    slot.pages.push_back(page);
    slot.bytes.push_back(pool_.bytes(page));
}

void KvCache::share(int from, int slot, int tokens) {
    const Slot& lender = slots_[checked(from)];
    Slot& borrower = slots_[checked(slot)];
    require(from != slot && borrower.length == 0, "an empty slot begins with another's tokens");
    require(tokens >= 0 && tokens <= lender.length, "shared tokens are there");
    clear(slot);
    const std::size_t shared = static_cast<std::size_t>(tokens);
    for (std::size_t i = 0; i < shared / kPageTokens; ++i) {
        pool_.hold(lender.pages[i]);
        add_page(borrower, lender.pages[i]);
    }
    if (shared % kPageTokens != 0) {
        add_page(borrower, pool_.take());
        std::copy_n(lender.bytes[shared / kPageTokens], page_bytes_, borrower.bytes.back());
    }
    borrower.length = tokens;
}

void KvCache::make_room(int slot, int tokens) {
    Slot& grown = slots_[checked(slot)];
    require(tokens >= 0 && tokens <= capacity_ - grown.length, "tokens fit the cache's capacity");
    const std::size_t written = static_cast<std::size_t>(grown.length) / kPageTokens;
    require(written >= grown.pages.size() || !pool_.is_shared(grown.pages[written]),
            "nothing is written to a page that two slots hold");
    const std::size_t needed = pages_for(static_cast<std::size_t>(grown.length + tokens));
    while (grown.pages.size() < needed) add_page(grown, pool_.take());
}

void KvCache::extend(int slot, int tokens) {
    make_room(slot, tokens);
    slots_[checked(slot)].length += tokens;
}

std::size_t KvCache::layer_offset(int layer) const {
    require(layer >= 0 && layer < layers_, "a layer of this cache");
    return static_cast<std::size_t>(layer) * layer_numbers_;
}

}  // namespace dws
