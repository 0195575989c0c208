#include "sync/log_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/bucket/new_file.h"
#include "sync/sha256.h"
#include "sync/strict_json.h"

namespace dws {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;  // some 5,000 runs; read whole
// Others hold the lock while they write a file of this size; a process that is stopped meanwhile
// shall not stop this one.
constexpr int kLockTries = 200;
constexpr std::chrono::milliseconds kLockWait{5};

using Accepted = std::map<std::string, AcceptedRecord>;  // by run

Error local(const std::filesystem::path& file, int reason) {
    return Error{Fault::transport,
                 fmt::format("{}: {}", file.string(), std::generic_category().message(reason))};
}

Accepted accepted_in(std::span<const std::byte> bytes) {
    const JsonValue json = parse_json(text_of(bytes));
    FieldReader reader(json, "the file");
    if (reader.text("format") != "dws-accepted") refuse("format", "is not dws-accepted");
    if (reader.integer("format_version", 0) != 1) refuse("format_version", "is not 1");
    Accepted accepted;
    for (const JsonValue& entry : reader.list("runs")) {
        FieldReader fields(entry, "a run");
        const std::string run = fields.key("run");
        accepted[run] = {.epoch = fields.natural("epoch", INT64_MAX),
                         .sequence = fields.natural("sequence", INT64_MAX),
                         .sha256 = fields.sha256("sha256")};
        fields.expect_no_more();
    }
    reader.expect_no_more();
    return accepted;
}

std::string text_of_accepted(const Accepted& accepted) {
    std::vector<std::string> runs;
    for (const auto& [run, record] : accepted)
        runs.push_back(ObjectWriter()
                           .text("run", run)
                           .natural("epoch", record.epoch)
                           .natural("sequence", record.sequence)
                           .text("sha256", record.sha256)
                           .str());
    return ObjectWriter()
               .text("format", "dws-accepted")
               .integer("format_version", 1)
               .objects("runs", runs)
               .str() +
           "\n";
}

// Nothing where there is no file. Fault::corrupt: not such a file.
Result<Accepted> read_accepted(const std::filesystem::path& file) {
    const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.is_open() && errno == ENOENT) return Accepted();
    if (!opened.is_open()) return local(file, errno);
    // A few hundred bytes, once per record accepted: the limit itself would be 1 MiB to be cleared.
    const off_t size = ::lseek(opened.number(), 0, SEEK_END);
    Bytes bytes(std::min(kMaxFileBytes, static_cast<std::size_t>(std::max<off_t>(size, 0))));
    const Result<std::size_t> read = read_at(opened.number(), 0, bytes);
    if (!read) return Error{Fault::transport, file.string() + ": " + read.error().detail};
    try {
        return accepted_in(std::span(bytes).first(*read));
    } catch (const FormFault& fault) {
        return Error{Fault::corrupt, fmt::format("{} is no memory of accepted records: {}",
                                                 file.string(), fault.detail)};
    }
}

Result<Done> replace(const std::filesystem::path& file, const std::string& text) {
    NewFile written(file.string() + "." + random_hex(4) + ".partial", 0600);
    written.append(bytes_of(text));
    const int error = written.replace(file);
    if (error != 0) return local(file, error);
    return Done{};
}

Result<Done> lock(const FileDescriptor& opened, const std::filesystem::path& file) {
    for (int attempt = 0; attempt < kLockTries; ++attempt) {
        if (::flock(opened.number(), LOCK_EX | LOCK_NB) == 0) return Done{};
        if (errno != EWOULDBLOCK) return local(file, errno);
        std::this_thread::sleep_for(kLockWait);
    }
    return Error{Fault::transport, file.string() + " is held by another process"};
}

}  // namespace

LogMemory::LogMemory(std::filesystem::path file, std::string run)
    : file_(std::move(file)), run_(std::move(run)) {
    if (file_.empty()) return;
    const Result<Accepted> accepted = read_accepted(file_);
    if (!accepted) throw std::runtime_error(accepted.error().detail);
    const auto found = accepted->find(run_);
    if (found != accepted->end()) last_ = kept_ = found->second;
}

std::string LogMemory::fault(std::uint64_t sequence, const std::string& sha256) const {
    if (!last_ || sequence > last_->sequence) return {};
    const bool is_other = sequence == last_->sequence && sha256 != last_->sha256;
    if (!sha256.empty() && !is_other) return {};
    return fmt::format(
        "the bucket shows an older or other log than this machine has accepted: record {} of epoch "
        "{} was here with SHA-256 {}, and now {}; if the store was restored on purpose, remove {}",
        last_->sequence, last_->epoch, last_->sha256,
        sha256.empty() ? fmt::format("the log ends before record {}", sequence) : "it is " + sha256,
        file_.string());
}

Result<Done> LogMemory::keep(const AcceptedRecord& record) {
    if (file_.empty() || (kept_ && kept_->sequence >= record.sequence)) return Done{};
    const std::filesystem::path lock_file = file_.string() + ".lock";
    const FileDescriptor opened(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!opened.is_open()) return local(lock_file, errno);
    const Result<Done> locked = lock(opened, lock_file);
    if (!locked) return locked;
    Result<Accepted> accepted = read_accepted(file_);
    if (!accepted) return Error{Fault::transport, accepted.error().detail};
    const auto [entry, is_new] = accepted->try_emplace(run_, record);
    AcceptedRecord& highest = entry->second;
    if (highest.sequence == record.sequence && highest.sha256 != record.sha256)
        return Error{
            Fault::untrusted,
            fmt::format("{}: record {} of run {} was accepted by another process with "
                        "SHA-256 {}, here it is {}: the bucket shows two logs",
                        file_.string(), record.sequence, run_, highest.sha256, record.sha256)};
    if (is_new || highest.sequence < record.sequence) {
        highest = record;
        const Result<Done> written = replace(file_, text_of_accepted(*accepted));
        if (!written) return written;
    }
    kept_ = highest;
    return Done{};
}

}  // namespace dws
