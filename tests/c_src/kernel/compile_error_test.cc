// Unit: errors as text and as data.

#include "c_src/kernel/compile_error.h"

#include <gtest/gtest.h>

#include <string>

#include "c_src/base/error.h"

namespace amdgpu {
namespace {

using proto::CompileReply;
using proto::Diagnostic;

Diagnostic& Add(CompileReply& reply, Diagnostic::Severity severity, std::uint32_t line,
                std::uint32_t column, const std::string& message, const std::string& source) {
  Diagnostic& diagnostic = *reply.add_diagnostics();
  diagnostic.set_severity(severity);
  diagnostic.set_file("kernel.hip");
  diagnostic.set_line(line);
  diagnostic.set_column(column);
  diagnostic.set_message(message);
  diagnostic.set_source_line(source);
  return diagnostic;
}

std::string Format(const CompileReply& reply) { return FormatDiagnostics(reply.diagnostics()); }

TEST(FormatDiagnosticsTest, LooksLikeClang) {
  CompileReply reply;
  Add(reply, Diagnostic::WARNING, 1, 1, "unused", "int x;");
  Add(reply, Diagnostic::NOTE, 1, 1, "of the warning", "int x;");
  Add(reply, Diagnostic::ERROR, 3, 10, "use of undeclared identifier 'foo'", "  x[i] = foo;");
  Add(reply, Diagnostic::NOTE, 2, 7, "did you mean 'fop'?", "float fop;");
  EXPECT_EQ(Format(reply),
            "kernel.hip:3:10: error: use of undeclared identifier 'foo'\n"
            "    3 |   x[i] = foo;\n"
            "      |          ^\n"
            "kernel.hip:2:7: note: did you mean 'fop'?\n"
            "    2 | float fop;\n"
            "      |       ^");
}

TEST(FormatDiagnosticsTest, CaretsCountCharactersAndKeepTabs) {
  CompileReply reply;
  Add(reply, Diagnostic::ERROR, 1, 8, "here", "\t\"\xc3\xa9\xe2\x82\xac\"x");
  EXPECT_EQ(Format(reply),
            "kernel.hip:1:8: error: here\n"
            "    1 | \t\"\xc3\xa9\xe2\x82\xac\"x\n"
            "      | \t   ^");
}

TEST(FormatDiagnosticsTest, WithoutAPlace) {
  CompileReply reply;
  Diagnostic& diagnostic = *reply.add_diagnostics();
  diagnostic.set_severity(Diagnostic::FATAL);
  diagnostic.set_message("too many errors emitted, stopping now");
  EXPECT_EQ(Format(reply), "fatal error: too many errors emitted, stopping now");
}

TEST(FormatDiagnosticsTest, AtMostTwentyErrors) {
  CompileReply reply;
  for (std::uint32_t i = 1; i <= 25; ++i) Add(reply, Diagnostic::ERROR, i, 1, "bad", "x");
  const std::string text = Format(reply);
  EXPECT_NE(text.find("kernel.hip:20:1"), std::string::npos);
  EXPECT_EQ(text.find("kernel.hip:21:1"), std::string::npos);
  EXPECT_NE(text.find("and 5 more errors"), std::string::npos);
}

TEST(FormatDiagnosticsTest, ControlsNoTerminalAndSurvivesAnything) {
  CompileReply reply;
  Add(reply, Diagnostic::ERROR, 1, 100, "\x1b[2Jgone", "\x1b]0;title\x07");  // column past the end
  const std::string text = Format(reply);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  CompileReply broken;
  Add(broken, Diagnostic::ERROR, 1, 0, "\xff\xfe", std::string("\xe2\x82", 2));
  EXPECT_NE(Format(broken).find("error: ??"), std::string::npos);
}

TEST(FormatDiagnosticsTest, LongLinesAreCutAroundTheCaret) {
  CompileReply reply;
  std::string line;
  for (int i = 0; i < 100'000; ++i) line += "\xc3\xa9";
  Add(reply, Diagnostic::ERROR, 1, 100'001, "deep inside", line);
  const std::string text = Format(reply);
  EXPECT_LT(text.size(), 500u);
  EXPECT_EQ(text.find('?'), std::string::npos) << "a character was cut in two";
}

TEST(CompileErrorTest, CarriesDataAndTheRightCode) {
  proto::CompileRequest request;
  request.set_file_name("k.hip");
  request.set_timeout_ms(250);
  request.set_memory_bytes(64 << 20);
  CompileReply reply;
  reply.set_outcome(CompileReply::SOURCE_ERROR);
  Add(reply, Diagnostic::ERROR, 3, 10, "bad", "x");
  absl::Status status = CompileError(reply, request);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  auto detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->compile().outcome(), CompileReply::SOURCE_ERROR);
  ASSERT_EQ(detail->compile().diagnostics_size(), 1);
  EXPECT_EQ(detail->compile().diagnostics(0).line(), 3u);

  reply.set_outcome(CompileReply::TIMED_OUT);
  status = CompileError(reply, request);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->timeout().what(), "compile");
  EXPECT_EQ(detail->timeout().after_ns(), 250'000'000u);

  reply.set_outcome(CompileReply::CRASHED);
  reply.set_signal(11);
  status = CompileError(reply, request);
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_NE(status.message().find("Segmentation fault"), std::string::npos) << status;

  reply.set_outcome(CompileReply::OUT_OF_MEMORY);
  status = CompileError(reply, request);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_NE(status.message().find("64 MiB"), std::string::npos) << status;
  reply.set_outcome(CompileReply::OUTPUT_TOO_LARGE);
  EXPECT_TRUE(absl::IsResourceExhausted(CompileError(reply, request)));
  reply.set_outcome(CompileReply::REFUSED);
  reply.set_message("no such option");
  status = CompileError(reply, request);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_NE(status.message().find("no such option"), std::string::npos);
}

}  // namespace
}  // namespace amdgpu
