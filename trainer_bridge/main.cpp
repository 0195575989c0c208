// trainer_bridge: learns from games in the bucket and publishes versions of the weights there.
#include <filesystem>
#include <memory>

#include "base/event_log.h"
#include "base/stop_signal.h"
#include "configs/command_line.h"
#include "model/products.h"
#include "sync/bucket/bucket.h"
#include "trainer_bridge/native_trainer.h"
#include "trainer_bridge/trainer_run.h"

namespace dws {
namespace {

// model.products as it is on this machine: what a checkpoint remembers is what was computed.
Config on_this_machine(Config config) {
    const ModelConfig model = load_model_config(config.model.config);
    config.model.products = name_of(products_named(config.model.products, model));
    return config;
}

int train(const Config& asked, Start start) {
    StopSignal stop;
    const Config config = on_this_machine(asked);
    EventLog log("trainer_bridge",
                 std::filesystem::path(config.run.output) / "events" / "trainer_bridge.jsonl");
    const std::unique_ptr<Bucket> bucket = open_bucket(config.bucket, stop.token());
    const std::unique_ptr<NativeTrainer> trainer = make_native_trainer(config);
    log.write("model", "", {{"products", config.model.products}});
    run_trainer(*trainer, *bucket, config, start, log, stop.token());
    return 0;
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    bool is_resumed = false, is_taken_over = false;
    return dws::run_main(
        argc, argv, "Learns from games in the bucket, publishes versions of the weights.",
        {{.name = "--resume",
          .help = "go on with the run in the bucket from its last checkpoint on this machine",
          .is_set = &is_resumed},
         {.name = "--take-over",
          .help = "go on with a run that another machine wrote, which then stops writing; without "
                  "a checkpoint from the published weights",
          .is_set = &is_taken_over}},
        [&](const dws::Config& config) {
            const dws::Start go_on = is_taken_over ? dws::Start::taken_over : dws::Start::resumed;
            const bool is_new = !is_resumed && !is_taken_over;
            return dws::train(config, is_new ? dws::Start::anew : go_on);
        });
}
