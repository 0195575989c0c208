#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "base/event_log.h"
#include "sync/doorbell.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    std::string inside;   // where ringers connect
    std::string outside;  // where listeners connect
    std::string key_file;
    std::string name;         // the public text that others know this broker by
    std::string admitted;     // public texts, ','-separated
    std::string is_insecure;  // "true" or not
    DoorbellFaults faults;
    std::string events;  // the file of its event log; empty: none
};

SocketKeys keys_of(const Options& options) {
    SocketKeys keys{.is_insecure = options.is_insecure == "true"};
    const std::optional<Identity> own = signer_in(options.key_file);
    if (!own && !options.name.empty())
        throw std::runtime_error(
            "keys.doorbell says who answers here: name the file of its private key with --key "
            "NAME.key (`dws keygen NAME` makes it)");
    if (!own) return keys;
    if (!options.name.empty() && options.name != own->shared().text())
        throw std::runtime_error(
            "--key is not the key of keys.doorbell (--as): those who connect "
            "would hear nothing; the text of --key is " +
            own->shared().text());
    keys.own = {own->shared().exchange, own->exchange_secret()};
    std::istringstream texts(options.admitted);
    for (std::string text; std::getline(texts, text, ',');) {
        const Result<PublicIdentity> client = parse_identity(text);
        if (!client) throw std::runtime_error("--admit: " + client.error().detail);
        keys.clients.push_back(client->exchange);
    }
    if (keys.clients.empty())
        throw std::runtime_error(
            "a doorbell with a key admits those it is told to: --admit TEXT,TEXT or keys.workers, "
            "as `dws keygen` prints them on their machines");
    return keys;
}

int run(const Options& options, std::stop_token stop) {
    EventLog log("dws", options.events);
    const SocketKeys keys = keys_of(options);
    DoorbellBroker broker(options.inside, options.outside, options.faults, keys);
    log.write(
        "listening",
        fmt::format("doorbell | inside {} | outside {} | {}", broker.inside_endpoint(),
                    broker.outside_endpoint(),
                    keys.own ? fmt::format("{} keys admitted", keys.clients.size()) : "no keys"),
        {{"inside", broker.inside_endpoint()},
         {"outside", broker.outside_endpoint()},
         {"has_keys", keys.own.has_value()},
         {"clients", static_cast<std::int64_t>(keys.clients.size())}});
    broker.run(stop);
    const DoorbellBroker::Counts& counts = broker.counts();
    const auto as_fact = [](auto count) { return static_cast<std::int64_t>(count); };
    log.write("end",
              fmt::format("doorbell | heard {} | dropped {} | repeated {} | sent {}", counts.heard,
                          counts.dropped, counts.repeated, counts.sent),
              {{"heard", as_fact(counts.heard)},
               {"dropped", as_fact(counts.dropped)},
               {"repeated", as_fact(counts.repeated)},
               {"sent", as_fact(counts.sent)}});
    return kExitOk;
}

}  // namespace

Verb add_doorbell(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "doorbell", "Pass rings on from those who publish to those who listen, until stopped");
    verb->add_option("--inside", options->inside, "Where ringers connect: tcp://host:port");
    verb->add_option("--outside", options->outside, "Where listeners connect: tcp://host:port");
    verb->add_option("--key", options->key_file,
                     "Encrypt, and be known by this key: NAME.key of `dws keygen`")
        ->type_name("FILE");
    verb->add_option("--as", options->name,
                     "The public text that others know this broker by; another --key is refused")
        ->type_name("TEXT");
    verb->add_option("--admit", options->admitted,
                     "Public texts of those who may ring and hear, with ',' between them")
        ->type_name("TEXT");
    verb->add_flag("--insecure{true}", options->is_insecure,
                   "Listen beyond this machine without keys: whoever reaches it may ring");
    verb->add_option("--events", options->events, "Append its events to this file, as JSON lines")
        ->type_name("FILE");
    verb->add_option("--drop", options->faults.drop, "Share of rings lost on purpose, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--repeat", options->faults.repeat, "Share of rings sent twice, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--delay-ms", options->faults.delay_ms,
                     "Each ring waits a random time up to this, so order is lost")
        ->check(CLI::Range(0.0, 3'600'000.0));
    verb->add_option("--seed", options->faults.seed,
                     "Of the faults: the same seed, the same faults");
    return {verb,
            {{&options->inside, "--inside", "doorbell.inside"},
             {&options->outside, "--outside", "doorbell.outside"},
             {&options->key_file, "--key", "keys.own", false},
             {&options->name, "--as", "keys.doorbell", false},
             {&options->admitted, "--admit", "keys.workers", false},
             {&options->is_insecure, "--insecure", "keys.insecure", false}},
            [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
