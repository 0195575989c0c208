// Asks every file of the repository whether it keeps the rules of inspection.h, and every rule
// whether it still bites.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

#include "tests/house/inspection.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

bool is_source(const std::string& file) {
    return file.ends_with(".h") || file.ends_with(".cpp") || file.ends_with(".cu");
}

// What stands in the repository: not its history, not what was built or measured.
bool is_ours(const fs::path& top) {
    const std::string name = top.filename().string();
    return name != ".git" && name != "out" && !name.starts_with("build");
}

// Relative path -> content, of every file but those with zero bytes, which are no text.
std::map<std::string, std::string> text_files() {
    const fs::path root = SOURCE_ROOT;
    std::map<std::string, std::string> files;
    const auto read = [&](const fs::path& path) {
        std::ifstream in(path, std::ios::binary);
        std::string content((std::istreambuf_iterator<char>(in)), {});
        if (content.find('\0') == std::string::npos)
            files[fs::relative(path, root).generic_string()] = std::move(content);
    };
    for (const auto& top : fs::directory_iterator(root)) {
        if (!is_ours(top.path())) continue;
        if (top.is_regular_file()) read(top.path());
        if (!top.is_directory()) continue;
        for (const auto& entry : fs::recursive_directory_iterator(top.path()))
            if (entry.is_regular_file()) read(entry.path());
    }
    return files;
}

TEST(Tidy, EverySourceFileKeepsTheHouseRules) {
    std::size_t sources = 0;
    for (const auto& [file, content] : text_files()) {
        if (!is_source(file)) continue;
        sources += 1;
        for (const std::string& violation : source_violations(file, content))
            ADD_FAILURE() << violation;
    }
    EXPECT_GT(sources, 50u) << "looked in the wrong place: " << SOURCE_ROOT;
}

TEST(Tidy, NoTextFileNamesAFolderOfOneMachine) {
    for (const auto& [file, content] : text_files())
        for (const std::string& violation : text_violations(file, content))
            ADD_FAILURE() << violation;
}

TEST(Tidy, EveryIncludeOfOursNamesAFileThatIsThere) {
    static const std::regex ours(R"re(\n#include "([a-z0-9_/]+\.h)")re");
    const auto files = text_files();
    for (const auto& [file, content] : files) {
        if (!is_source(file)) continue;
        for (std::sregex_iterator match(content.begin(), content.end(), ours), end; match != end;
             ++match)
            EXPECT_TRUE(files.contains((*match)[1])) << file << ": no file " << (*match)[1];
    }
}

TEST(Tidy, TheTablesNameFilesAndFoldersThatAreThere) {
    Names places = kMayPrint;
    for (const auto& [library, allowed] : kOnlyIn) places.insert(allowed.begin(), allowed.end());
    for (const auto& [file, rooms] : kMayAlsoInclude) places.insert(file);
    for (const std::string& place : places)
        EXPECT_TRUE(fs::exists(fs::path(SOURCE_ROOT) / place)) << "no " << place;
}

// The rules themselves, each on a line that breaks it, so that none sleeps.

// How often the rules complain about this file.
std::size_t complaints(const std::string& file, const std::string& content) {
    return source_violations(file, content).size();
}

const std::string kHead = "// What it is.\n#pragma once\n";

TEST(TidyRules, AGoodFilePasses) {
    EXPECT_EQ(complaints("sync/a.h", kHead + "#include <vector>\n\n#include \"base/bytes.h\"\n"),
              0u);
    EXPECT_EQ(complaints("env_wordle/main.cpp", "#include \"configs/config.h\"\n"), 0u);
    EXPECT_EQ(complaints("sync/tool/main.cpp", "#include <CLI/CLI.hpp>\n"), 0u);
    EXPECT_EQ(complaints("sync/tool/main.cpp", "#include \"configs/config.h\"\n"), 0u);
    EXPECT_EQ(complaints("base/a.cpp", "std::thread::hardware_concurrency();\n"), 0u);
}

TEST(TidyRules, AViolationNamesFileAndLine) {
    EXPECT_EQ(source_violations("base/a.cpp", "\n\tint a;\n"),
              Violations{"base/a.cpp:2: a tab; use four spaces"});
}

TEST(TidyRules, RoomsIncludeInOneDirection) {
    EXPECT_EQ(complaints("base/a.cpp", "#include \"sync/a.h\"\n"), 1u);
    EXPECT_EQ(complaints("sync/a.cpp", "#include \"model/a.h\"\n"), 1u);
    EXPECT_EQ(complaints("sync/tool/a.cpp", "#include \"configs/a.h\"\n"), 1u);
    EXPECT_EQ(complaints("sync/publisher.cpp", "#include \"configs/config.h\"\n"), 1u);
    EXPECT_EQ(complaints("env_wordle/server.cpp", "#include \"configs/config.h\"\n"), 1u);
    EXPECT_EQ(complaints("trainer_bridge/a.cpp", "#include \"rollout_worker/a.h\"\n"), 1u);
    EXPECT_EQ(complaints("base/a.cpp", "#include \"bytes.h\"\n"), 1u);
    EXPECT_EQ(complaints("tests/sync/a_test.cpp", "#include \"model/a.h\"\n"), 0u);
}

TEST(TidyRules, LibrariesAreSeenByTheirFilesOnly) {
    EXPECT_EQ(complaints("sync/doorbell.cpp", "#include <zmq.h>\n"), 1u);
    EXPECT_EQ(complaints("base/message_socket.cpp", "#include <zmq.h>\n"), 0u);
    EXPECT_EQ(complaints("model/forward.cpp", "#include <nlohmann/json.hpp>\n"), 1u);
    EXPECT_EQ(complaints("base/sha.cpp", "#include <openssl/evp.h>\n"), 1u);
    EXPECT_EQ(complaints("sync/a.h", kHead + "#include <fmt/format.h>\n"), 1u);
    EXPECT_EQ(complaints("sync/a.h", kHead + "#include <openssl/evp.h>\n"), 1u);
}

TEST(TidyRules, HeadersSayWhatTheyAre) {
    EXPECT_EQ(complaints("tests/support/a.h", "#pragma once\n"), 1u);
    EXPECT_EQ(complaints("tests/support/a.h", "// What it is.\n"), 1u);
    EXPECT_EQ(complaints("tests/support/a.h", ""), 2u);
}

TEST(TidyRules, LinesAndFilesHaveALimit) {
    EXPECT_EQ(complaints("tests/a.cpp", std::string(100, 'x')), 0u);
    EXPECT_EQ(complaints("tests/a.cpp", std::string(101, 'x')), 1u);
    EXPECT_EQ(complaints("tests/a.cpp", "\xc3\xa4" + std::string(99, 'x')), 0u);
    std::string lines(kFileLines, '\n');
    EXPECT_EQ(complaints("tests/a.cpp", lines), 0u);
    EXPECT_EQ(complaints("tests/a.cpp", lines + "\n"), 1u);
}

TEST(TidyRules, ThePreprocessorOnlyIncludes) {
    for (const std::string word : {"define A", "define A(x) x", "undef A", "if 1", "ifdef A",
                                   "ifndef A", "elif 1", "else"}) {
        EXPECT_EQ(complaints("tests/a.cpp", "#" + word), 1u) << word;
        EXPECT_EQ(complaints("tests/a.cpp", "  # " + word), 1u) << word;
    }
    EXPECT_EQ(complaints("tests/a.cpp", "#pragma omp parallel for\n#include <vector>\n"), 0u);
}

TEST(TidyRules, NothingIsPromisedForLater) {
    EXPECT_EQ(complaints("tests/a.cpp", std::string("// TO") + "DO: more"), 1u);
    EXPECT_EQ(complaints("tests/a.cpp", std::string("// FIX") + "ME"), 1u);
}

TEST(TidyRules, NoWhiteSpaceThatNobodySees) {
    EXPECT_EQ(complaints("tests/a.cpp", "int a; "), 1u);
    EXPECT_EQ(complaints("tests/a.cpp", "int a;\r\n"), 1u);
    EXPECT_EQ(complaints("tests/a.cpp", "\tint a;"), 1u);
}

TEST(TidyRules, LibrariesOfOursNeitherPrintNorDetachNorReadTheEnvironment) {
    EXPECT_EQ(complaints("sync/a.cpp", "std::cout << 1;"), 1u);
    EXPECT_EQ(complaints("sync/a.cpp", "fmt::print(1);"), 1u);
    EXPECT_EQ(complaints("sync/tool/a.cpp", "std::puts(text);"), 0u);
    EXPECT_EQ(complaints("sync/a.cpp", "std::thread thread(run);"), 1u);
    EXPECT_EQ(complaints("sync/a.cpp", "std::getenv(name);"), 1u);
}

TEST(TidyRules, AFolderOfOneMachineIsFoundWhereverItStands) {
    const auto found = [](const std::string& line) { return text_violations("a.md", line).size(); };
    for (const std::string folder : {"home", "root", "Users", "work"}) {
        EXPECT_EQ(found("/" + folder + "/x"), 1u);
        EXPECT_EQ(found("cd '/" + folder + "/x'"), 1u);
        EXPECT_EQ(found("path=/" + folder + "/x"), 1u);
        EXPECT_EQ(found("https://example.org/" + folder + "/x"), 0u);
        EXPECT_EQ(found("out/" + folder + "/x"), 0u);
    }
}

}  // namespace
}  // namespace dws
