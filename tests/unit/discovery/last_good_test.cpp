// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/last_good.hpp"

#include <sys/stat.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "proxy/discovery/resource_file.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LastGood example() {
  LastGood good{
      "node-1", "shop", std::chrono::system_clock::time_point(std::chrono::hours(500000)), {}};
  Update clusters;
  clusters.version = "7";
  for (const char* name : {"a", "b"}) {
    Resource resource{name, std::string("v-") + name, {}, {}};
    resource.body.set_type_url(std::string(type_url(ResourceType::cluster)));
    resource.body.set_value(std::string("\x0a\x01") + name);
    clusters.changed.push_back(std::move(resource));
  }
  good.updates.push_back(std::move(clusters));
  Update none;
  none.type = ResourceType::listener;
  good.updates.push_back(std::move(none));
  return good;
}

std::string why_not(std::string_view bytes) {
  const auto read = read_last_good(bytes);
  return read ? "" : read.error().message;
}

TEST(LastGoodFormatTest, WhatIsWrittenIsRead) {
  const auto read = read_last_good(write_last_good(example()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->node_id, "node-1");
  EXPECT_EQ(read->node_cluster, "shop");
  EXPECT_EQ(read->saved, example().saved);
  ASSERT_EQ(read->updates.size(), 2u);
  EXPECT_EQ(read->updates[0].type, ResourceType::cluster);
  EXPECT_EQ(read->updates[0].version, "7");
  EXPECT_TRUE(read->updates[0].full_state);
  ASSERT_EQ(read->updates[0].changed.size(), 2u);
  EXPECT_EQ(read->updates[0].changed[1].name, "b");
  EXPECT_EQ(read->updates[0].changed[1].version, "v-b");
  EXPECT_EQ(read->updates[0].changed[1].body.value(),
            "\x0a\x01"
            "b");
  EXPECT_EQ(read->updates[1].type, ResourceType::listener);
  EXPECT_TRUE(read->updates[1].changed.empty());
}

TEST(LastGoodFormatTest, TheTimeIsNoContent) {
  auto later = example();
  later.saved += std::chrono::seconds(1);
  const std::string one = write_last_good(example()), two = write_last_good(later);
  EXPECT_NE(one, two);
  EXPECT_EQ(content_of_last_good(one), content_of_last_good(two));
}

TEST(LastGoodFormatTest, EveryCutIsNoticed) {
  const std::string bytes = write_last_good(example());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(why_not(bytes.substr(0, length)), "") << length;
  EXPECT_THAT(why_not(bytes + "x"), HasSubstr("it is damaged: "));
  EXPECT_THAT(why_not(bytes.substr(0, bytes.size() - 1)), HasSubstr("it is damaged: "));
  EXPECT_THAT(why_not(""), HasSubstr("it is not such a copy"));
}

TEST(LastGoodFormatTest, EveryFlippedBitIsNoticed) {
  const std::string bytes = write_last_good(example());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(why_not(damaged), "") << bit;
  }
}

TEST(LastGoodFormatTest, OtherVersionsAreNamed) {
  std::string bytes = write_last_good(example());
  bytes[8] = 2;
  EXPECT_EQ(why_not(bytes), "its format is version 2, and only version 1 is read");
}

/// A directory that is gone afterwards.
class LastGoodFileTest : public ::testing::Test {
 protected:
  LastGoodFileTest() { EXPECT_NE(mkdtemp(directory.data()), nullptr); }
  ~LastGoodFileTest() override {
    unlink(file().path().c_str());
    rmdir(directory.c_str());
  }
  LastGoodFile file() const { return LastGoodFile(directory); }
  std::string directory = "/tmp/weir-last-good-XXXXXX";
};

TEST_F(LastGoodFileTest, IsReplacedAsAWhole) {
  const auto nothing = file().read();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  for (const char* text : {"first", "then"}) {
    ASSERT_TRUE(file().replace(text));
    const auto read = file().read();
    ASSERT_TRUE(read);
    EXPECT_EQ(**read, text);
  }
  struct stat status {};
  ASSERT_EQ(stat(file().path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_NE(access((file().path() + ".new").c_str(), F_OK), 0);
}

TEST_F(LastGoodFileTest, WhatOthersMayHaveWrittenIsRefused) {
  ASSERT_TRUE(file().replace("x"));
  ASSERT_EQ(chmod(file().path().c_str(), 0660), 0);
  const auto read = file().read();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr(file().path()));
  EXPECT_THAT(read.error().message, HasSubstr("others than its owner may write it"));
}

TEST_F(LastGoodFileTest, ALinkIsNotFollowed) {
  ASSERT_EQ(symlink("/etc/passwd", file().path().c_str()), 0);
  EXPECT_FALSE(file().read());
}

TEST(LastGoodCollectTest, OnlyWhatControlPlanesSaid) {
  auto fixed = std::make_shared<config::Snapshot>();
  fixed->node = {"node-1", "shop", ""};
  fixed->cds.emplace();
  fixed->cds->ads = true;
  fixed->lds.emplace();
  fixed->lds->path = "/etc/lds.yaml";
  fixed->ads = std::make_shared<config::ApiConfigSource>();
  ResourceStore store(std::move(fixed), config::testing::test_registry(), nullptr);
  store.keep_endpoint_messages();
  const auto give = [&](ResourceType type, const std::string& resource) {
    const auto parsed = parse_resource_file(
        "f.yaml",
        "version_info: \"3\"\nresources:\n- { \"@type\": type.googleapis.com/envoy.config." +
            resource + " }\n",
        type);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(store.update((*parsed)->update).rejections.empty());
  };
  give(ResourceType::cluster,
       "cluster.v3.Cluster, name: a, type: EDS, eds_cluster_config: { eds_config: { ads: {} } }");
  give(ResourceType::endpoints, "endpoint.v3.ClusterLoadAssignment, cluster_name: a");
  give(ResourceType::endpoints, "endpoint.v3.ClusterLoadAssignment, cluster_name: nobody");
  give(ResourceType::listener,
       "listener.v3.Listener, name: l, address: { socket_address: { address: 198.51.100.1, "
       "port_value: 1 } }, filter_chains: [ { name: tcp } ]");
  const LastGood good = collect_last_good(store);
  std::vector<std::string> names;
  for (const Update& update : good.updates)
    for (const Resource& resource : update.changed)
      names.push_back(std::string(xds::short_name(update.type)) + " " + resource.name + " " +
                      resource.version);
  EXPECT_THAT(names, ElementsAre("cds a 3", "eds a 3"));
}

TEST(LastGoodCollectTest, AgesAreReadable) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_THAT(describe_age(now - std::chrono::seconds(90)), HasSubstr("Z, 90 s old"));
}

}  // namespace
}  // namespace weir::discovery
