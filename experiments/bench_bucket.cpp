// How fast an anchor goes to an S3 store and comes back, beside the usual command lines: the same
// files, the same store, one round of each after the other. 1 GiB as 16 objects of 64 MiB, which is
// how versions are cut, and as one object. All of them read files and write files, in memory where
// the machine has /dev/shm. Usage: bench_bucket [ROUNDS [MIB OF AN OBJECT]]; the store is that of
// DWS_S3_URI (experiments/s3_server/with_s3.sh starts one).
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "experiments/bench_clock.h"
#include "sync/bucket/bucket.h"
#include "sync/parallel.h"
#include "sync/sha256.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kObjects = 16;
constexpr std::size_t kInFlight = 3;  // as the trainer has it (sync.files_in_flight)

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(fmt::format("{} is not set", name));
    return value;
}

void run(const std::string& command, const fs::path& log) {
    const std::string whole = fmt::format("{} >{} 2>&1", command, log.string());
    if (std::system(whole.c_str()) != 0)
        throw std::runtime_error(fmt::format("failed: {}; see {}", command, log.string()));
}

Bytes read_file(const fs::path& file) {
    Bytes bytes(fs::file_size(file));
    std::ifstream in(file, std::ios::binary);
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

void write_file(const fs::path& file, const Bytes& bytes) {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
}

void write_random_file(const fs::path& file, std::size_t bytes, std::uint64_t seed) {
    std::ofstream out(file, std::ios::binary);
    std::vector<std::uint64_t> words(std::size_t{1} << 17);
    for (std::size_t written = 0; written < bytes; written += 8 * words.size()) {
        for (std::uint64_t& word : words) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            word = seed ^ (seed >> 29);
        }
        out.write(reinterpret_cast<const char*>(words.data()),
                  static_cast<std::streamsize>(8 * words.size()));
    }
}

// Files in one folder, and where they come back to.
struct Load {
    fs::path from;
    fs::path to;
    std::vector<std::string> names;
    std::size_t bytes = 0;
};

struct Client {
    std::string name;
    std::function<void(const Load&)> upload;
    std::function<void(const Load&)> download;
};

class Bench {
public:
    Bench(int rounds, std::size_t object_bytes)
        : rounds_(rounds), bucket_(open_bucket(environment("DWS_S3_URI"), {}, {})) {
        const fs::path memory = "/dev/shm";
        const fs::path parent = fs::is_directory(memory) ? memory : fs::temp_directory_path();
        scratch_ = parent / ("dws-bench-" + random_hex(8));
        pieces_ = {scratch_ / "pieces", scratch_ / "back", {}, kObjects * object_bytes};
        whole_ = {scratch_ / "whole", scratch_ / "back", {"whole"}, kObjects * object_bytes};
        for (const fs::path& folder : {pieces_.from, whole_.from}) fs::create_directories(folder);
        for (std::size_t index = 0; index < kObjects; ++index) {
            pieces_.names.push_back(fmt::format("object-{:02}", index));
            write_random_file(pieces_.from / pieces_.names.back(), object_bytes, index);
        }
        write_random_file(whole_.from / "whole", whole_.bytes, kObjects);
        write_s3cmd_config();
    }
    ~Bench() { fs::remove_all(scratch_); }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    void run_all() {
        const std::string megabytes =
            fmt::format("{:.0f} MB", static_cast<double>(whole_.bytes) / 1e6);
        measure(fmt::format("{} in {} objects", megabytes, kObjects), pieces_);
        measure(fmt::format("{} in one object", megabytes), whole_);
    }

private:
    void write_s3cmd_config() {
        const std::string endpoint = environment("DWS_S3_ENDPOINT");
        const std::string host = endpoint.substr(endpoint.find("://") + 3);
        std::ofstream(scratch_ / "s3cfg")
            << "access_key = " << environment("AWS_ACCESS_KEY_ID")
            << "\nsecret_key = " << environment("AWS_SECRET_ACCESS_KEY") << "\nhost_base = " << host
            << "\nhost_bucket = " << host << "\nuse_https = False\n";
    }

    std::vector<Client> clients() {
        const std::string aws = "aws --endpoint-url " + environment("DWS_S3_ENDPOINT") + " s3 cp ";
        const std::string s3cmd =
            fmt::format("s3cmd -c {} --no-progress ", (scratch_ / "s3cfg").string());
        const fs::path log = scratch_ / "log";
        return {
            {"dws", [this](const Load& load) { upload(load); },
             [this](const Load& load) { download(load); }},
            {"aws s3 cp",
             [=](const Load& load) {
                 run(aws + "--recursive " + load.from.string() + " s3://dws/bench/", log);
             },
             [=](const Load& load) {
                 run(aws + "--recursive s3://dws/bench/ " + load.to.string(), log);
             }},
            {"s3cmd",
             [=](const Load& load) {
                 run(s3cmd + "put " + load.from.string() + "/* s3://dws/bench/", log);
             },
             [=](const Load& load) {
                 run(s3cmd + "get --force --recursive s3://dws/bench/ " + load.to.string() + "/",
                     log);
             }},
        };
    }

    static std::string key_of(const std::string& name) { return "bench/" + name; }

    void upload(const Load& load) {
        for_each_piece(std::min(kInFlight, load.names.size()), load.names.size(),
                       [&](std::size_t, std::size_t index) {
                           const Bytes bytes = read_file(load.from / load.names[index]);
                           const Result<Done> put = bucket_->put(key_of(load.names[index]), bytes);
                           if (!put) throw std::runtime_error(put.error().detail);
                       });
    }

    void download(const Load& load) {
        for_each_piece(std::min(kInFlight, load.names.size()), load.names.size(),
                       [&](std::size_t, std::size_t index) {
                           const Result<Bytes> got =
                               bucket_->get(key_of(load.names[index]), {.length = load.bytes + 1});
                           if (!got) throw std::runtime_error(got.error().detail);
                           write_file(load.to / load.names[index], *got);
                       });
    }

    // The store keeps what was removed until it is told to sweep.
    void remove_all(const Load& load) {
        for (const std::string& name : load.names)
            if (const Result<Done> removed = bucket_->remove(key_of(name)); !removed)
                throw std::runtime_error(removed.error().detail);
        if (const char* folder = std::getenv("DWS_S3_DIR"))
            run(fmt::format("radosgw-admin --conf {}/ceph.conf gc process --include-all", folder),
                scratch_ / "log");
    }

    void check(const Client& client, const Load& load) {
        for (const std::string& name : load.names)
            if (read_file(load.from / name) != read_file(load.to / name))
                throw std::runtime_error(fmt::format("{} brought another {}", client.name, name));
    }

    void measure(const std::string& title, const Load& load) {
        std::map<std::string, std::vector<double>> up, down;
        for (int round = 0; round < rounds_; ++round) {
            for (const Client& client : clients()) {
                fs::remove_all(load.to);
                fs::create_directories(load.to);
                const Stopwatch uploading;
                client.upload(load);
                up[client.name].push_back(uploading.seconds());
                const Stopwatch downloading;
                client.download(load);
                down[client.name].push_back(downloading.seconds());
                if (round == 0) check(client, load);
                remove_all(load);
            }
        }
        fmt::print("{}, median of {} rounds\n", title, rounds_);
        fmt::print("{:<12}{:>10}{:>10}{:>12}{:>10}\n", "", "up s", "MB/s", "down s", "MB/s");
        const double megabytes = static_cast<double>(load.bytes) / 1e6;
        for (const Client& client : clients()) {
            const double up_s = median(up[client.name]);
            const double down_s = median(down[client.name]);
            fmt::print("{:<12}{:>10.2f}{:>10.0f}{:>12.2f}{:>10.0f}\n", client.name, up_s,
                       megabytes / up_s, down_s, megabytes / down_s);
        }
        const auto ratio = [](auto& seconds) {
            return std::min(median(seconds["aws s3 cp"]), median(seconds["s3cmd"])) /
                   median(seconds["dws"]);
        };
        fmt::print(
            "dws is {:.2f} times as fast up and {:.2f} times down as the faster of the two\n\n",
            ratio(up), ratio(down));
        std::fflush(stdout);
    }

    const int rounds_;
    const std::unique_ptr<Bucket> bucket_;
    fs::path scratch_;
    Load pieces_;
    Load whole_;
};

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::stoi(argv[1]) : 3;
    const std::size_t mib = argc > 2 ? std::stoul(argv[2]) : 64;
    dws::Bench(rounds, mib << 20).run_all();
    return 0;
}
