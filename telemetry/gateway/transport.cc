#include "telemetry/gateway/transport.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace amdgpu::gateway {

namespace ssl = boost::asio::ssl;

absl::Status LoadCertificate(const std::string& chain_file, const std::string& key_file,
                             ssl::context* context) {
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                       error);
  if (!error) context->use_certificate_chain_file(chain_file, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot use the certificate ", chain_file, ": ", error.message()));
  }
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot use the key ", key_file, ": ", error.message()));
  }
  return absl::OkStatus();
}

std::size_t Transport::SendNow(int socket, absl::Span<const boost::asio::const_buffer> parts,
                               std::string* rest) {
  std::array<iovec, 4> vectors{};
  const std::size_t count = std::min(parts.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<void*>(parts[i].data()), parts[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  const ssize_t sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent <= 0) return 0;
  const auto taken = static_cast<std::size_t>(sent);
  std::size_t before = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t here = std::min(parts[i].size(), taken - std::min(taken, before));
    rest->append(static_cast<const char*>(parts[i].data()) + here, parts[i].size() - here);
    before += parts[i].size();
  }
  return taken;
}

}  // namespace amdgpu::gateway
