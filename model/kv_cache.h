// Keys and values of every token so far, per slot, in pages from one pool (cache_page.h). A slot
// holds only the pages its tokens need; slots that begin with the same tokens share them (vLLM,
// Kwon et al. 2023, arXiv:2309.06180). They are fp32, or bf16 where the backend rounds them to that
// in training as well: a sampled token's log-probability is the one that training computes, up to
// rounding. A token takes 2 * K * head * layers of them: a page of the tiny model is 12 KiB (fp32),
// one of Qwen3-0.6B 1.75 MiB (bf16, 112 KiB a token).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/cache_page.h"
#include "model/config.h"
#include "model/page_pool.h"
#include "model/rope.h"

namespace dws {

// Keys are stored after norm and rotation. Slots and token counts out of bounds are bugs and stop
// the program, and so is a pool that runs out: who fills it counts its pages first.
class KvCache {
public:
    // pool_tokens: of all slots together, rounded up to pages; at least capacity_tokens. 0: all
    // slots can be full at once. number_bytes: as Backend::cached_bytes().
    KvCache(const ModelConfig& config, int slots, int capacity_tokens, int pool_tokens = 0,
            std::size_t number_bytes = sizeof(float));

    int slots() const { return static_cast<int>(slots_.size()); }
    int capacity_tokens() const { return capacity_; }
    std::size_t number_bytes() const { return number_bytes_; }
    int length(int slot) const { return slots_[checked(slot)].length; }

    // Pages nobody holds; of a slot; of a slot that is full.
    std::size_t free_pages() const { return pool_.free_pages(); }
    std::size_t slot_pages(int slot) const { return slots_[checked(slot)].pages.size(); }
    std::size_t slot_pages_max() const { return pages_for(static_cast<std::size_t>(capacity_)); }

    // Forgets the slot's tokens and lets its pages go.
    void clear(int slot);
    // The slot, which is empty, begins with the first tokens of `from`. Whole pages are shared, the
    // rest of one is copied: nothing is ever written to a page that two slots hold.
    void share(int from, int slot, int tokens);
    // Pages for so many more tokens.
    void make_room(int slot, int tokens);
    // After their keys and values are written.
    void extend(int slot, int tokens);

    // Of the slot, in order: each kPageTokens tokens of all layers.
    std::span<std::byte* const> pages(int slot) const { return slots_[checked(slot)].bytes; }
    // Of a layer within a page, in numbers.
    std::size_t layer_offset(int layer) const;

    // The rotations of all positions up to the capacity.
    const RopeTable& table() const { return table_; }

private:
    struct Slot {
        int length = 0;
        std::vector<std::size_t> pages;
        std::vector<std::byte*> bytes;  // of those pages
    };

    std::size_t checked(int slot) const;
    void add_page(Slot& slot, std::size_t page);

    int capacity_, layers_;
    std::size_t number_bytes_;
    std::size_t layer_numbers_;  // of a page
    std::size_t page_bytes_;
    PagePool pool_;
    std::vector<Slot> slots_;
    RopeTable table_;
};

}  // namespace dws
