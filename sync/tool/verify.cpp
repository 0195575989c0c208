#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "base/safetensors.h"
#include "sync/bucket.h"
#include "sync/chain.h"
#include "sync/codec_interchange.h"
#include "sync/fetch.h"
#include "sync/replica.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

// The run's weights, as the objects alone give them.
struct Weights {
    explicit Weights(ArrayTable table_) : table(std::move(table_)) {}

    const ArrayTable table;
    Bytes words = Bytes(table.layout().size_bytes());
    Replica replica{table, words};
};

// What a run's log claims, checked record by record from nothing but the bucket.
class Verifier {
public:
    Verifier(Bucket& bucket, std::string run, std::stop_token stop)
        : bucket_(bucket), run_(std::move(run)), stop_(std::move(stop)) {}

    Result<Done> accept(const Record& record);

    std::size_t records = 0;
    std::size_t versions = 0;
    std::string digest() const { return weights_ ? weights_->replica.digest().hex() : "none"; }

private:
    Result<Done> check_games(const Record& record);
    Result<Done> check_version(const Record& record);
    Result<ArrayTable> table_of(const Record& anchor);
    Result<StagedVersion> stage(const Record& record);

    Bucket& bucket_;
    const std::string run_;
    const std::stop_token stop_;
    const ObjectSource source_ = [this](const ObjectRef& object) -> Result<Bytes> {
        if (stop_.stop_requested()) return Error{Fault::transport, "stopped"};
        return fetch_object(bucket_, run_, object);
    };
    std::unique_ptr<Weights> weights_;  // the replica points into it: it stays where it is
    std::set<std::int64_t> seen_versions_;
    std::map<std::string, std::int64_t> next_games_;  // worker -> first group in no record
};

Result<Done> Verifier::accept(const Record& record) {
    records += 1;
    Result<Done> games = check_games(record);
    if (!games) return games;
    if (record.kind == RecordKind::anchor || record.kind == RecordKind::delta)
        return check_version(record);
    if (weights_ && record.digest != weights_->replica.digest())
        return Error{Fault::corrupt, "its digest is not that of the version it names"};
    return Done{};
}

Result<Done> Verifier::check_games(const Record& record) {
    for (const GamesConsumed& games : record.games) {
        std::int64_t& next = next_games_[games.worker];
        if (games.first != next || games.next < games.first)
            return Error{Fault::corrupt, fmt::format("groups {} to {} of {}: expected from {} on",
                                                     games.first, games.next, games.worker, next)};
        std::set<std::int64_t> dropped;
        for (const auto* numbers : {&games.skipped, &games.stale, &games.refused})
            for (const std::int64_t number : *numbers)
                if (number < games.first || number >= games.next || !dropped.insert(number).second)
                    return Error{Fault::corrupt, fmt::format("group {} of {} is dropped twice or "
                                                             "not this record's",
                                                             number, games.worker)};
        next = games.next;
    }
    return Done{};
}

Result<Done> Verifier::check_version(const Record& record) {
    if (!seen_versions_.insert(record.version).second)
        return Error{Fault::corrupt, fmt::format("version {} is there twice", record.version)};
    if (!weights_) {
        Result<ArrayTable> table = table_of(record);
        if (!table) return table.error();
        weights_ = std::make_unique<Weights>(std::move(*table));
    }
    if (record.total_words != weights_->table.words())
        return Error{Fault::corrupt, fmt::format("it counts {} words, the arrays have {}",
                                                 record.total_words, weights_->table.words())};
    const Result<StagedVersion> staged = stage(record);
    if (!staged) return staged.error();
    weights_->replica.commit(*staged);
    versions += 1;
    return weights_->replica.rescan(0, weights_->table.tiles());
}

// Adds a file's arrays under their places in the table: those the file names, else as they come.
Result<Done> add_arrays(const SafetensorsView& file, std::map<std::size_t, TensorSpec>& arrays) {
    const auto order = file.metadata().find(std::string(kArrayOrder));
    std::istringstream places(order == file.metadata().end() ? "" : order->second);
    for (const TensorView& array : file.tensors()) {
        std::size_t place = arrays.size();
        if (order != file.metadata().end() && !(places >> place))
            return Error{Fault::corrupt,
                         fmt::format("{} has no place for array {}", kArrayOrder, array.spec.name)};
        if (!arrays.emplace(place, array.spec).second)
            return Error{Fault::corrupt, fmt::format("two arrays at place {}", place)};
    }
    return Done{};
}

// The arrays are those of the anchor's files. The record's hash decides whether they are right.
Result<ArrayTable> Verifier::table_of(const Record& anchor) {
    if (anchor.kind != RecordKind::anchor)
        return Error{Fault::corrupt, "the first version is not an anchor"};
    std::map<std::size_t, TensorSpec> arrays;
    for (const ObjectRef& object : anchor.objects) {
        // There is no table to ask yet: words have up to 4 bytes.
        if (anchor.total_words > kMaxObjectBytes ||
            object.size_bytes > largest_file_bytes(anchor.total_words, 4 * anchor.total_words))
            return Error{Fault::corrupt, object.key + ": larger than the anchor's words can need"};
        const Result<Bytes> file = source_(object);
        if (!file) return file.error();
        const Result<SafetensorsView> view = SafetensorsView::parse(*file);
        if (!view) return Error{view.error().fault, object.key + ": " + view.error().detail};
        const Result<Done> added = add_arrays(*view, arrays);
        if (!added) return Error{added.error().fault, object.key + ": " + added.error().detail};
    }
    std::vector<TensorSpec> specs;
    std::set<std::string> names;
    for (auto& [place, spec] : arrays) {
        if (!names.insert(spec.name).second)
            return Error{Fault::corrupt, "array " + spec.name + " is there twice"};
        specs.push_back(std::move(spec));
    }
    Result<ArrayTable> table = ArrayTable::make(TensorLayout(std::move(specs)));
    if (table && table->layout_hash() != anchor.layout_hash)
        return Error{Fault::corrupt, "its arrays are not those of its layout hash"};
    return table;
}

Result<StagedVersion> Verifier::stage(const Record& record) {
    if (record.kind == RecordKind::delta) {
        Result<Changes> changes = read_delta(weights_->table, record, source_);
        if (!changes) return changes.error();
        return weights_->replica.stage_delta(record, std::move(*changes));
    }
    Bytes words(weights_->table.layout().size_bytes());
    const Result<Done> read = read_anchor(weights_->table, record, source_, words);
    if (!read) return read.error();
    return weights_->replica.stage_anchor(record, std::move(words));
}

int tell(const Verifier& verifier, const std::optional<std::string>& problem, bool is_json) {
    const auto as_count = [](std::size_t count) { return static_cast<std::int64_t>(count); };
    const std::string human =
        problem ? *problem
                : fmt::format("ok: {} records, {} versions, digest {}", verifier.records,
                              verifier.versions, verifier.digest());
    const Facts facts = {{"ok", !problem},
                         {"records", as_count(verifier.records)},
                         {"versions", as_count(verifier.versions)},
                         {"digest", verifier.digest()},
                         {"problem", problem.value_or("")}};
    print_line(is_json ? json_line(facts) : human);
    return problem ? kExitProblem : kExitOk;
}

}  // namespace

int run_verify(const VerifyOptions& options, std::stop_token stop) {
    const std::unique_ptr<Bucket> bucket =
        open_bucket(options.bucket, {}, {}, stop, BucketAccess::read);
    ChainReader reader(*bucket, options.run);
    Verifier verifier(*bucket, options.run, stop);
    while (!stop.stop_requested()) {
        const std::uint64_t sequence = reader.position().next_sequence;
        const auto problem_of = [&](const Error& error) {
            return fmt::format("problem at record {}: {}", sequence, final_line(error));
        };
        const Result<Record> record = reader.next();
        if (stop.stop_requested()) break;
        if (!record && record.error().fault != Fault::missing)
            return tell(verifier, problem_of(record.error()), options.is_json);
        if (!record && sequence == 0)
            return tell(verifier,
                        fmt::format("run {} has no log in {}; check --bucket and --run",
                                    options.run, options.bucket),
                        options.is_json);
        if (!record) return tell(verifier, std::nullopt, options.is_json);
        const Result<Done> checked = verifier.accept(*record);
        if (!checked && stop.stop_requested()) break;
        if (!checked) return tell(verifier, problem_of(checked.error()), options.is_json);
    }
    return tell(verifier, "stopped before the end of the log", options.is_json);
}

}  // namespace dws
