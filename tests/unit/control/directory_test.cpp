// SPDX-License-Identifier: Apache-2.0
// Files come, change, break and go; each keeps its last good content.
#include "control/directory.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::control {
namespace {

using ::testing::HasSubstr;

std::string entry(const std::string& host) {
  return "kind: ServiceEntry\nmetadata: {name: a}\nspec: {hosts: [" + host +
         "], ports: [{number: 80}]}\n";
}

class DirectoryFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "weir-control-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    path = name;
    directory.emplace(path);
  }
  void TearDown() override { std::filesystem::remove_all(path); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(path + "/" + name) << text;
  }
  /// The hosts now, "unchanged" when there is no new registry.
  std::string hosts(const std::set<std::string>& being_written = {}) {
    auto reading = directory->read(being_written);
    if (!reading) return reading.error().message;
    errors = reading->diagnostics.to_string(config::Severity::error);
    if (reading->registry == nullptr) return "unchanged";
    std::string out;
    for (const Service& service : reading->registry->services) out += service.host + " ";
    return out;
  }

  std::string path, errors;
  std::optional<Directory> directory;
};

TEST_F(DirectoryFiles, AreReadWhenTheyChange) {
  EXPECT_EQ(hosts(), "");
  EXPECT_EQ(hosts(), "unchanged");
  write("b.yaml", entry("b.example.com"));
  write("a.yml", entry("a.example.com"));
  write(".hidden.yaml", entry("hidden.example.com"));
  write("note.txt", "not for us");
  EXPECT_EQ(hosts(), "a.example.com b.example.com ");
  write("b.yaml", entry("b.example.com"));
  EXPECT_EQ(hosts(), "unchanged");
  std::filesystem::remove(path + "/a.yml");
  EXPECT_EQ(hosts(), "b.example.com ");
}

TEST_F(DirectoryFiles, KeepTheirLastGoodContent) {
  write("a.yaml", entry("a.example.com"));
  EXPECT_EQ(hosts(), "a.example.com ");
  write("a.yaml", entry("b.example.com") + "colour: [");
  EXPECT_EQ(hosts(), "unchanged");
  EXPECT_THAT(errors, HasSubstr(path + "/a.yaml:4:"));
  EXPECT_EQ(hosts(), "unchanged");
  EXPECT_EQ(errors, "");  // said once
  write("a.yaml", "");
  EXPECT_EQ(hosts(), "unchanged");
  EXPECT_THAT(errors, HasSubstr("empty: not written yet?"));
  write("c.yaml", entry("c.example.com"));
  EXPECT_EQ(hosts(), "a.example.com c.example.com ");
  write("a.yaml", "# nothing any more\n");
  EXPECT_EQ(hosts(), "c.example.com ");
}

TEST_F(DirectoryFiles, WaitWhileTheyAreWritten) {
  write("a.yaml", entry("a.example.com"));
  EXPECT_EQ(hosts(), "a.example.com ");
  write("a.yaml", entry("half.example.com"));
  EXPECT_EQ(hosts({"a.yaml"}), "unchanged");
  EXPECT_EQ(hosts(), "half.example.com ");
}

TEST_F(DirectoryFiles, MayBeLinks) {
  std::filesystem::create_directory(path + "/..one");
  std::filesystem::create_directory(path + "/..two");
  write("..one/a.yaml", entry("one.example.com"));
  write("..two/a.yaml", entry("two.example.com"));
  std::filesystem::create_symlink("..one", path + "/..data");
  std::filesystem::create_symlink("..data/a.yaml", path + "/a.yaml");
  EXPECT_EQ(hosts(), "one.example.com ");
  std::filesystem::create_symlink("..two", path + "/..new");
  std::filesystem::rename(path + "/..new", path + "/..data");
  EXPECT_EQ(hosts(), "two.example.com ");
}

TEST_F(DirectoryFiles, StayWhenTheDirectoryIsGone) {
  write("a.yaml", entry("a.example.com"));
  EXPECT_EQ(hosts(), "a.example.com ");
  std::filesystem::rename(path, path + "-away");
  EXPECT_THAT(hosts(), HasSubstr("directory '" + path + "': No such file"));
  std::filesystem::rename(path + "-away", path);
  EXPECT_EQ(hosts(), "unchanged");
}

}  // namespace
}  // namespace weir::control
