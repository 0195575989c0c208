#include <fmt/format.h>

#include <functional>

#include "experiments/model_speed/measurements.h"
#include "experiments/model_speed/peak_memory.h"
#include "experiments/model_speed/torch_peer.h"
#include "experiments/model_speed/training_trial.h"

namespace dws {
namespace {

// Whoever makes training steps: this project in one of two forms, or PyTorch.
struct Contender {
    std::string name;
    std::vector<std::vector<StepTimes>> steps;  // by number of threads, then by round
    double peak_mib = 0;

    Contender(std::string contender, std::size_t thread_counts)
        : name(std::move(contender)), steps(thread_counts) {}

    double median(std::size_t index, const std::function<double(const StepTimes&)>& value) const {
        std::vector<double> values;
        for (const StepTimes& step : steps[index]) values.push_back(value(step));
        return median_of(std::move(values));
    }
    double total_s(std::size_t index) const { return median(index, &StepTimes::total_s); }
};

// Built and thrown away in every round: nobody shares the machine's memory.
void run_own(const Measurement& of, bool recompute, Contender& contender) {
    reset_peak_memory();
    TrainingTrial trial(of.model, of.tokens, of.threads.back());
    trial.step({of.threads.back(), recompute});  // makes room
    for (std::size_t index = 0; index < of.threads.size(); ++index) {
        contender.steps[index].push_back(trial.step({of.threads[index], recompute}));
    }
    contender.peak_mib = peak_memory_mib();
}

void run_peer(const Measurement& of, const std::string& optimizer, Contender& contender) {
    const TorchReport report = run_torch(*of.torch, of.model, of.tokens, optimizer, of.threads);
    contender.name = report.versions + ", " + optimizer + " AdamW";
    for (std::size_t index = 0; index < of.threads.size(); ++index) {
        contender.steps[index].push_back(report.steps[index]);
    }
    contender.peak_mib = report.peak_mib;
}

void write_training(const Measurement& of, const std::vector<Contender>& contenders) {
    Table table(of.results / "training.tsv", of.note,
                {"threads", "who", "total_s", "forward_s", "head_loss_s", "backward_s", "adamw_s",
                 "total_over_ours", "tokens_per_s", "peak_mib", "cpu_s", "layers", "tokens"});
    for (std::size_t index = 0; index < of.threads.size(); ++index) {
        for (const Contender& who : contenders) {
            const double total_s = who.total_s(index);
            table.add({std::to_string(of.threads[index]), who.name, number(total_s),
                       number(who.median(index, &StepTimes::forward_s)),
                       number(who.median(index, &StepTimes::head_loss_s)),
                       number(who.median(index, &StepTimes::backward_s)),
                       number(who.median(index, &StepTimes::optimizer_s)),
                       number(total_s / contenders[0].total_s(index)), number(of.tokens / total_s),
                       number(who.peak_mib), number(who.median(index, &StepTimes::cpu_s)),
                       std::to_string(of.model.layers), std::to_string(of.tokens)});
        }
    }
}

void write_operations(const Measurement& of, const Contender& who) {
    Table table(of.results / "operations.tsv", of.note,
                {"threads", "way", "products_s", "head_s", "attention_s", "pointwise_s"});
    for (std::size_t index = 0; index < of.threads.size(); ++index) {
        const auto row = [&](const char* way, auto seconds) {
            std::vector<std::string> cells{std::to_string(of.threads[index]), way};
            for (const Work work : {Work::products, Work::head, Work::attention, Work::pointwise}) {
                cells.push_back(number(who.median(
                    index, [&](const StepTimes& step) { return seconds(step.work, work); })));
            }
            table.add(cells);
        };
        row("forward", [](const WorkTimes& times, Work work) { return times.forward(work); });
        row("backward", [](const WorkTimes& times, Work work) { return times.backward(work); });
    }
}

}  // namespace

void measure_training(const Measurement& of, Targets& targets) {
    const std::size_t counts = of.threads.size();
    std::vector<Contender> contenders{{"this project", counts},
                                      {"this project, recompute", counts}};
    if (of.torch) {
        contenders.emplace_back("PyTorch, fp32 AdamW", counts);
        contenders.emplace_back("PyTorch, bf16 AdamW", counts);
    }
    for (int round = 0; round < of.rounds; ++round) {
        fmt::print("training: round {} of {}\n", round + 1, of.rounds);
        std::fflush(stdout);
        run_own(of, false, contenders[0]);
        run_own(of, true, contenders[1]);
        if (!of.torch) continue;
        run_peer(of, "fp32", contenders[2]);
        run_peer(of, "bf16", contenders[3]);
    }
    write_training(of, contenders);
    write_operations(of, contenders[0]);
    if (!of.torch) {
        fmt::print("PyTorch's rows: --python PATH, a Python with torch and transformers\n");
        return;
    }
    for (std::size_t index = 0; index < counts; ++index) {
        const double ratio = contenders[2].total_s(index) / contenders[0].total_s(index);
        const std::string what =
            fmt::format("steps per PyTorch step, fp32 AdamW, {} threads", of.threads[index]);
        targets.add(what, ratio, 1);
        targets.add(what + " (aim)", ratio, 1.5);
    }
}

}  // namespace dws
