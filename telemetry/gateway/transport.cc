#include "telemetry/gateway/transport.h"

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

}  // namespace amdgpu::gateway
