// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/sink.hpp"

#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <asio/io_context.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "proxy/access_log/sinks.hpp"

namespace weir::access_log {
namespace {

using Sink = AccessLogConfig::Sink;

class SinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    char path[] = "/tmp/weir-sink-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override {
    for (const char* name : {"log", "log.1"}) ::unlink((folder_ + "/" + name).c_str());
    ::rmdir(folder_.c_str());
  }
  std::unique_ptr<AccessLogSink> open(const std::string& path) {
    auto sink = AccessLogSink::open({Sink::file, path}, stats_, [this] { ++woken_; });
    EXPECT_TRUE(sink) << (sink ? "" : sink.error().message);
    return sink ? std::move(*sink) : nullptr;
  }
  [[nodiscard]] std::string path() const { return folder_ + "/log"; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// A FIFO at path(), the reading end non-blocking.
  UniqueFd make_fifo() {
    EXPECT_EQ(::mkfifo(path().c_str(), 0600), 0);
    return UniqueFd(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  static std::string drain(int fd) {
    std::string out;
    char bytes[65536];
    for (ssize_t size; (size = ::read(fd, bytes, sizeof bytes)) > 0;)
      out.append(bytes, static_cast<std::size_t>(size));
    return out;
  }
  static std::string lines(int first, int count) {
    std::string out;
    for (int i = first; i < first + count; ++i) out += "line " + std::to_string(i) + "\n";
    return out;
  }

  std::string folder_;
  stats::AccessLogStats stats_;
  std::atomic<int> woken_ = 0;  // by whichever thread appends
};

TEST_F(SinkTest, AppendsToTheFile) {
  std::ofstream(path()) << "before\n";
  auto sink = open(path());
  sink->append("a\nb\n");
  sink->append("c\n");
  EXPECT_EQ(content(path()), "before\n") << "append makes no system call";
  EXPECT_EQ(woken_, 1) << "only the first lines wake the main thread";
  EXPECT_TRUE(sink->flush());
  EXPECT_EQ(content(path()), "before\na\nb\nc\n");
  EXPECT_EQ(stats_.lines_written.value(), 3u);
  sink->append("d\n");
  EXPECT_EQ(woken_, 2);
}

TEST_F(SinkTest, CreatesTheFile) {
  ::umask(022);
  open(path());
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_F(SinkTest, AFileThatCannotBeOpenedIsAnError) {
  const auto sink = AccessLogSink::open({Sink::file, folder_ + "/no/log"}, stats_, nullptr);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().message,
            "access log file '" + folder_ + "/no/log': No such file or directory");
}

TEST_F(SinkTest, ReopensAfterRotation) {
  auto sink = open(path());
  sink->append("old\n");
  ASSERT_EQ(::rename(path().c_str(), (path() + ".1").c_str()), 0);
  ASSERT_TRUE(sink->reopen());
  sink->append("new\n");
  sink->flush();
  EXPECT_EQ(content(path() + ".1"), "old\n");
  EXPECT_EQ(content(path()), "new\n");
}

TEST_F(SinkTest, AReaderThatStallsNeitherBlocksNorCorrupts) {
  const UniqueFd reader = make_fifo();
  auto sink = open(path());
  const std::string sent = lines(0, 30000);  // more than a pipe holds
  sink->append(sent);
  EXPECT_FALSE(sink->flush());
  EXPECT_FALSE(sink->flush());
  sink->append("last\n");
  std::string received = drain(reader.get());
  for (int i = 0; i < 100 && !sink->flush(); ++i) received += drain(reader.get());
  received += drain(reader.get());
  EXPECT_EQ(received, sent + "last\n");
  EXPECT_EQ(stats_.lines_written.value(), 30001u);
  EXPECT_EQ(stats_.lines_dropped.value(), 0u);
}

TEST_F(SinkTest, WhatDoesNotFitIsDroppedByWholeLinesAndCounted) {
  const UniqueFd reader = make_fifo();
  auto sink = open(path());
  const std::string batch = lines(0, 10000);
  const std::size_t batches = 2 * AccessLogSink::kMaxHeldBytes / batch.size();
  for (std::size_t i = 0; i < batches; ++i) sink->append(batch);
  std::string received;
  while (!sink->flush()) received += drain(reader.get());
  received += drain(reader.get());
  EXPECT_LE(received.size(), AccessLogSink::kMaxHeldBytes);
  EXPECT_GT(received.size(), AccessLogSink::kMaxHeldBytes - batch.size());
  EXPECT_EQ(received.back(), '\n');
  EXPECT_EQ(received.substr(0, batch.size()), batch);
  EXPECT_EQ(stats_.lines_written.value() + stats_.lines_dropped.value(), batches * 10000);
  EXPECT_GT(stats_.lines_dropped.value(), 0u);

  sink->append("after\n");
  EXPECT_TRUE(sink->flush());
  EXPECT_EQ(drain(reader.get()), "after\n");
}

TEST_F(SinkTest, WhatIsHeldStaysBoundedWhileTheReaderStalls) {
  const UniqueFd reader = make_fifo();
  auto sink = open(path());
  const std::string batch = lines(0, 10000);
  for (int i = 0; i < 200; ++i) {
    sink->append(batch);
    sink->flush();
  }
  std::string received;
  while (!sink->flush()) received += drain(reader.get());
  received += drain(reader.get());
  EXPECT_LE(received.size(), AccessLogSink::kMaxHeldBytes + 2 * 65536)
      << "held, and what the pipe took";
  EXPECT_EQ(stats_.lines_written.value() + stats_.lines_dropped.value(), 200u * 10000u);
}

TEST_F(SinkTest, AStandardStreamThatBlocksIsNotWaitedFor) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const UniqueFd reader(pipe_fds[0]), writer(pipe_fds[1]);
  const UniqueFd saved(::dup(STDOUT_FILENO));
  ASSERT_GE(::dup2(writer.get(), STDOUT_FILENO), 0);
  auto sink = AccessLogSink::open({Sink::standard_output, ""}, stats_, nullptr);
  const std::string sent = lines(0, 30000);
  (*sink)->append(sent);
  EXPECT_FALSE((*sink)->flush());
  EXPECT_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0) << "others share the stream";
  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, O_NONBLOCK), 0);
  std::string received = drain(reader.get());
  for (int i = 0; i < 100 && !(*sink)->flush(); ++i) received += drain(reader.get());
  received += drain(reader.get());
  ASSERT_GE(::dup2(saved.get(), STDOUT_FILENO), 0);
  EXPECT_EQ(received, sent);
}

TEST_F(SinkTest, AfterTheReaderWentLinesAreCountedAsDropped) {
  UniqueFd reader = make_fifo();
  auto sink = open(path());
  reader.reset();
  sink->append("a\nb\n");
  EXPECT_TRUE(sink->flush());
  EXPECT_EQ(stats_.write_errors.value(), 1u);
  EXPECT_EQ(stats_.lines_dropped.value(), 2u);
  EXPECT_EQ(stats_.lines_written.value(), 0u);
}

TEST_F(SinkTest, AFullDiskIsTriedAgain) {
  auto sink = open("/dev/full");
  sink->append("a\n");
  EXPECT_FALSE(sink->flush());
  EXPECT_FALSE(sink->flush());
  EXPECT_EQ(stats_.write_errors.value(), 2u);
  EXPECT_EQ(stats_.lines_dropped.value(), 0u);
}

TEST_F(SinkTest, ReopenInTheMiddleOfALineStartsTheNewFileWithAWholeOne) {
  const UniqueFd reader = make_fifo();
  ASSERT_GT(::fcntl(reader.get(), F_SETPIPE_SZ, 4096), 0);
  auto sink = open(path());
  sink->append(std::string(10000, 'x') + "\nwhole\n");
  EXPECT_FALSE(sink->flush());
  ASSERT_EQ(::rename(path().c_str(), (path() + ".1").c_str()), 0);
  ASSERT_TRUE(sink->reopen());
  EXPECT_TRUE(sink->flush());
  EXPECT_EQ(content(path()), "whole\n");
  EXPECT_EQ(stats_.lines_dropped.value(), 1u);
}

TEST_F(SinkTest, ManyWorkersNeverMixTheirLines) {
  auto sink = open(path());
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker)
    workers.emplace_back([&sink, worker] {
      const std::string batch(100, static_cast<char>('a' + worker));
      for (int i = 0; i < 1000; ++i) sink->append(batch + "\n" + batch + "\n");
    });
  for (int i = 0; i < 50; ++i) sink->flush();
  for (std::thread& worker : workers) worker.join();
  ASSERT_TRUE(sink->flush());
  std::ifstream file(path());
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count)
    ASSERT_EQ(line, std::string(100, line.front()));
  EXPECT_EQ(count, 8000u);
}

TEST(Destination, StandardStreamsByPath) {
  EXPECT_EQ(destination_of({Sink::file, "/dev/stdout", nullptr}),
            (Destination{Sink::standard_output, ""}));
  EXPECT_EQ(destination_of({Sink::file, "/dev/stderr", nullptr}),
            (Destination{Sink::standard_error, ""}));
  EXPECT_EQ(destination_of({Sink::file, "/a", nullptr}), (Destination{Sink::file, "/a"}));
  EXPECT_EQ(destination_of({Sink::standard_output, "ignored", nullptr}),
            (Destination{Sink::standard_output, ""}));
}

class SinksTest : public SinkTest {};

TEST_F(SinksTest, OneSinkForOneDestination) {
  asio::io_context io;
  AccessLogSinks sinks(io, stats_);
  const auto first = sinks.open({Sink::file, path(), nullptr});
  const auto second = sinks.open({Sink::file, path(), nullptr});
  const auto out = sinks.open({Sink::standard_output, "", nullptr});
  const auto dev = sinks.open({Sink::file, "/dev/stdout", nullptr});
  ASSERT_TRUE(first && second && out && dev);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(*out, *dev);
  EXPECT_NE(*first, *out);
  EXPECT_FALSE(sinks.open({Sink::file, folder_ + "/no/log", nullptr}));
}

TEST_F(SinksTest, TheLoopWritesWhatAWorkerAppended) {
  asio::io_context io;
  AccessLogSinks sinks(io, stats_);
  AccessLogSink* sink = *sinks.open({Sink::file, path(), nullptr});
  std::thread([sink] { sink->append("from a worker\n"); }).join();
  io.run();  // ends when nothing is left to do: an idle process is not woken by a timer
  EXPECT_EQ(content(path()), "from a worker\n");
}

TEST_F(SinksTest, TheLastLinesAreWrittenAtTheEnd) {
  asio::io_context io;
  {
    AccessLogSinks sinks(io, stats_);
    (*sinks.open({Sink::file, path(), nullptr}))->append("last\n");
  }
  EXPECT_EQ(content(path()), "last\n");
  io.run();
}

TEST_F(SinksTest, ReopensEveryFile) {
  asio::io_context io;
  AccessLogSinks sinks(io, stats_);
  AccessLogSink* sink = *sinks.open({Sink::file, path(), nullptr});
  ASSERT_EQ(::rename(path().c_str(), (path() + ".1").c_str()), 0);
  sinks.reopen();
  sink->append("new\n");
  sinks.flush();
  EXPECT_EQ(content(path()), "new\n");
}

}  // namespace
}  // namespace weir::access_log
