#include "tests/gpu/compiler_process/zygote_client.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "c_src/base/message_socket.h"

namespace amdgpu::compiler_process {
namespace {

std::pair<UniqueFd, UniqueFd> Pair(int type) {
  int fds[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) abort();
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

ZygoteClient::ZygoteClient(const std::string& path, const std::vector<std::string>& arguments) {
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  auto [ours, theirs] = Pair(SOCK_SEQPACKET);
  pid_ = fork();
  if (pid_ == 0) {
    if (theirs.get() == 3) {
      fcntl(3, F_SETFD, 0);
    } else {
      dup2(theirs.get(), 3);
    }
    execv(path.c_str(), argv.data());
    _exit(127);
  }
  theirs.reset();
  control_ = std::move(ours);
  std::string bytes(4096, '\0');
  const ssize_t got = recv(control_.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0 || !hello_.ParseFromArray(bytes.data(), static_cast<int>(got))) {
    std::cerr << "no hello from " << path << "\n";
    abort();
  }
}

ZygoteClient::~ZygoteClient() {
  if (pid_ > 0) End();
}

void ZygoteClient::SendRaw(int fd) {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = fd;
  }
  if (sendmsg(control_.get(), &message, MSG_NOSIGNAL) != 1) abort();
}

UniqueFd ZygoteClient::StartRaw(const std::string& bytes) {
  auto [ours, theirs] = Pair(SOCK_STREAM);
  SendRaw(theirs.get());
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t sent = send(ours.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) break;
    done += static_cast<std::size_t>(sent);
    if (done > 0) theirs.reset();
  }
  return std::move(ours);
}

UniqueFd ZygoteClient::Start(proto::CompileRequest request) {
  if (request.build_id().empty()) request.set_build_id(hello_.build_id());
  auto [ours, theirs] = Pair(SOCK_STREAM);
  SendRaw(theirs.get());
  theirs.reset();
  static_cast<void>(SendMessage(ours.get(), request));
  return std::move(ours);
}

std::optional<proto::CompileReply> ZygoteClient::Wait(const UniqueFd& connection) {
  proto::CompileReply reply;
  if (!ReceiveMessage(connection.get(), &reply).ok()) return std::nullopt;
  return reply;
}

proto::CompileReply ZygoteClient::Compile(const proto::CompileRequest& request) {
  auto reply = Wait(Start(request));
  if (!reply) {
    std::cerr << "the compiler closed the connection\n";
    abort();
  }
  return *std::move(reply);
}

proto::CompileReply ZygoteClient::Compile(const std::string& source) {
  proto::CompileRequest request;
  request.set_source(source);
  request.set_optimization(3);
  return Compile(request);
}

std::vector<pid_t> ZygoteClient::Children() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/task/", pid_, "/children"));
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) children.push_back(child);
  return children;
}

bool ZygoteClient::WaitForChildren(std::size_t count) const {
  for (int i = 0; i < 5000; ++i) {
    if (Children().size() == count) return true;
    usleep(1000);
  }
  return false;
}

int ZygoteClient::End() {
  control_.reset();
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  return status;
}

}  // namespace amdgpu::compiler_process
