#include "experiments/faults/damage.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace dws {
namespace {

constexpr std::uint64_t kObjectBytes = 64 << 20;
constexpr double kNotices_s = 10;  // a newcomer is there in 0.1 s and tells its first fault at once

template <class T>
T value_or_throw(Result<T> result, const std::string& key) {
    if (!result) throw std::runtime_error(key + ": " + result.error().detail);
    return std::move(*result);
}

// A place in the object, by chance.
std::size_t place_in(const Bytes& bytes, Dice& dice) {
    return static_cast<std::size_t>(dice.whole(0, static_cast<std::int64_t>(bytes.size()) - 1));
}

void take_away(Bucket& store, const std::string& key, Dice&, const std::string&) {
    remove_object(store, key);
}

void cut_short(Bucket& store, const std::string& key, Dice& dice, const std::string&) {
    Bytes bytes = read_object(store, key);
    bytes.resize(place_in(bytes, dice));
    overwrite(store, key, bytes);
}

void flip_a_bit(Bucket& store, const std::string& key, Dice& dice, const std::string&) {
    Bytes bytes = read_object(store, key);
    const std::size_t at = place_in(bytes, dice);
    bytes[at] ^= std::byte{1} << dice.whole(0, 7);
    overwrite(store, key, bytes);
}

void put_another_there(Bucket& store, const std::string& key, Dice&, const std::string& other_key) {
    overwrite(store, key, read_object(store, other_key));
}

}  // namespace

std::vector<Spoiling> spoilings() {
    return {{"deleted", take_away},
            {"truncated", cut_short},
            {"bit_flipped", flip_a_bit},
            {"swapped", put_another_there}};
}

void overwrite(Bucket& store, const std::string& key, const Bytes& bytes) {
    value_or_throw(store.put(key, bytes), key);
}

void remove_object(Bucket& store, const std::string& key) {
    value_or_throw(store.remove(key), key);
}

Bytes read_object(Bucket& store, const std::string& key) {
    return value_or_throw(store.get(key, {.offset = 0, .length = kObjectBytes}), key);
}

Trouble a_newcomer_meets(Arena& arena, std::int64_t spoilt_version,
                         const std::function<void()>& heal) {
    RunSystem& system = arena.system();
    std::string newcomer = system.start_worker();
    const auto& seen = system.events().seen(newcomer);
    // The record or object before the spoilt one is as far as it gets.
    Trouble unseen = arena.wait_until(
        [&] {
            return seen.faults > 0 || seen.rescanned >= spoilt_version - 1 ||
                   !system.is_alive(newcomer);
        },
        "sign that the newcomer noticed", kNotices_s);
    arena.pause(0.1);
    system.events().poll();
    const bool went_on = seen.committed >= spoilt_version;
    const bool is_seen = !arena.verifies();
    heal();
    if (!unseen.empty()) return unseen;
    if (went_on) return fmt::format("the newcomer committed version {}", seen.committed);
    if (!is_seen) return "dws verify saw nothing: " + arena.verdict();
    if (!system.is_alive(newcomer)) {  // history that cannot be trusted: it stops, and says so
        system.forget(newcomer);
        newcomer = system.start_worker();
    }
    if (Trouble late = arena.wait_versions(1); !late.empty()) return late;
    Trouble late = arena.wait_worker(newcomer, arena.audit().newest_version());
    if (!late.empty()) return late;
    system.kill(newcomer);
    system.forget(newcomer);
    return "";
}

}  // namespace dws
