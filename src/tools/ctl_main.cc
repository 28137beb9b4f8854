#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "tools/certificate_commands.h"
#include "tools/ctl_commands.h"
#include "tools/exit_status.h"
#include "tools/subnet_layout.h"

namespace {

constexpr const char* kFooter =
    "Exit statuses: 0 ok, 1 the canister rejected the call, or the certificate does not hold, 2 wrong usage, "
    "3 cannot reach the replica, 4 "
    "other "
    "failure.\n"
    "Examples:\n"
    "  icwsctl --directory DIR status\n"
    "  icwsctl --directory DIR --replica 2 connections\n"
    "  icwsctl --directory DIR call echo open '{\"url\": \"ws://127.0.0.1:9001/\"}'\n"
    "  icwsctl --directory DIR deposit echo 1000000000\n"
    "  icwsctl --directory DIR canister upgrade echo echo\n"
    "  icwsctl --directory DIR replicas list\n"
    "  icwsctl --directory DIR transcript follow 1 --from 1 --count 10\n"
    "  icwsctl --directory DIR transcript export --connection 1 --from 3 --to 9 --output FILE\n"
    "  icwsctl transcript verify FILE --cluster DIR/cluster.json";

// icwsctl replicas ...
struct ReplicasCommand {
  CLI::App *list, *propose, *sign, *submit, *new_key;
  icws::tools::ProposeArguments to_propose;
  icws::tools::SignArguments to_sign;
  std::string file, key_file;

  explicit ReplicasCommand(CLI::App& app) {
    auto* replicas = app.add_subcommand("replicas", "who the replicas are; changes of the set");
    replicas->require_subcommand(1);
    list = replicas->add_subcommand("list", "index and public key of each, and what is to come");
    propose = replicas->add_subcommand("propose", "write a change to a file, to be signed");
    propose->add_option("file", to_propose.file, "the file to write")->required();
    propose->add_option("--remove", to_propose.remove, "indices of replicas that leave")->delimiter(',');
    propose->add_option("--rotate", to_propose.rotate, "INDEX=PUBLIC KEY: the replica's new key")
        ->delimiter(',');
    propose->add_option("--add", to_propose.add, "public keys of replicas that come in")->delimiter(',');
    propose->add_option("--blocks-ahead", to_propose.blocks_ahead, "active so many blocks from now")
        ->check(CLI::Range(2, 100'000))
        ->capture_default_str();
    sign = replicas->add_subcommand("sign", "show a change and add signatures of present replicas");
    sign->add_option("file", to_sign.file)->required();
    sign->add_option("--key", to_sign.keys, "private key files")->required()->delimiter(',');
    submit = replicas->add_subcommand("submit", "submit a signed change; waits until it ran in a block");
    submit->add_option("file", file)->required();
    new_key = replicas->add_subcommand("new-key", "make the key that a replica goes over to, beside its key");
    new_key->add_option("key", key_file, "the present private key file")->required();
  }

  // Empty: another command.
  std::optional<int> run(icws::tools::Control& control) const {
    if (*list) return control.replicas();
    if (*propose) return control.propose_change(to_propose);
    if (*sign) return control.sign_change(to_sign);
    if (*submit) return control.submit_change(file);
    return std::nullopt;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace icws::tools;
  CLI::App app("Talks to one replica of a subnet.", "icwsctl");
  app.footer(kFooter);
  app.require_subcommand(1);
  std::string socket;
  std::string directory;
  uint32_t replica = 0;
  double timeout_seconds = 30;
  auto* socket_option = app.add_option("--socket", socket, "the replica's Unix socket");
  app.add_option("--directory", directory, "of icws-subnet; with --replica")->excludes(socket_option);
  app.add_option("--replica", replica, "which replica of --directory")->capture_default_str();
  app.add_option("--timeout", timeout_seconds, "seconds to wait for an answer")
      ->check(CLI::Range(0.001, 300.0))
      ->capture_default_str();

  CallArguments call;
  const auto add_call = [&](const char* name, const char* help) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("canister", call.canister)->required();
    command->add_option("method", call.method)->required();
    command->add_option("arguments", call.arguments, "as the canister wants them, for example JSON");
    return command;
  };
  auto* status = app.add_subcommand("status", "height, app hash, latencies, counters");
  auto* connections = app.add_subcommand("connections", "every connection with position and head");
  auto* submit = add_call("call", "call a canister; waits until it ran in a block");
  auto* query = add_call("query", "ask a canister, on the last committed state");
  auto* canisters = app.add_subcommand("canisters", "every canister with its code, state and account");
  namespace management = icws::replica::management;
  icws::replica::ManagementArguments managed;
  auto* deposit = app.add_subcommand("deposit", "add cycles to a canister's account");
  deposit->add_option("canister", managed.canister)->required();
  deposit->add_option("cycles", managed.cycles)->required();
  auto* canister = app.add_subcommand("canister", "stop, start, upgrade or delete a canister");
  canister->require_subcommand(1);
  std::map<CLI::App*, std::string_view> managing{{deposit, management::kDeposit}};
  const auto add_management = [&](const char* name, std::string_view method, const char* help) {
    auto* command = canister->add_subcommand(name, help);
    command->add_option("canister", managed.canister)->required();
    managing.emplace(command, method);
    return command;
  };
  add_management("stop", management::kStop, "end its connections, then stop it");
  add_management("start", management::kStart, "let a stopped canister run again");
  add_management("upgrade", management::kUpgrade, "replace its code, keep its state and connections")
      ->add_option("code", managed.code, "the name of the new code")
      ->required();
  add_management("delete", management::kDelete, "remove a stopped canister, its state and its account");
  const auto replicas = std::make_unique<ReplicasCommand>(app);
  FollowArguments follow;
  auto* transcript = app.add_subcommand("transcript", "what the replicas agreed on");
  transcript->require_subcommand(1);
  auto* follow_command = transcript->add_subcommand("follow", "print entries, then wait for more");
  follow_command->add_option("connection", follow.connection)->required();
  follow_command->add_option("--from", follow.from, "first sequence")->capture_default_str();
  ExportArguments to_export;
  auto* export_command = transcript->add_subcommand("export", "write a certificate of entries to a file");
  export_command->add_option("--connection", to_export.connection)->required();
  export_command->add_option("--from", to_export.from, "first sequence")->capture_default_str();
  export_command->add_option("--to", to_export.to, "last sequence (default: the newest)");
  export_command->add_option("--output", to_export.output, "the file to write")->required();
  VerifyArguments to_verify;
  auto* verify_command =
      transcript->add_subcommand("verify", "check a certificate offline, with public keys alone");
  verify_command->add_option("file", to_verify.file)->required();
  auto* cluster_option = verify_command->add_option("--cluster", to_verify.cluster,
                                                    "the cluster file: chain id and genesis keys");
  verify_command->add_option("--chain-id", to_verify.chain_id)->excludes(cluster_option);
  verify_command->add_option("--keys", to_verify.keys, "in hexadecimal, by replica index at genesis")
      ->delimiter(',')
      ->excludes(cluster_option);
  follow_command->add_option("--count", follow.count, "end after so many entries (default: never)");
  try {
    app.parse(argc, argv);
    if (!*verify_command && !*replicas->new_key && socket.empty() && directory.empty())
      throw CLI::RequiredError("--socket or --directory");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (*verify_command) return verify_certificate(to_verify);
  if (*replicas->new_key) return create_next_key(replicas->key_file);
  if (socket.empty()) socket = SubnetLayout{directory}.replica_socket(replica).string();

  Control control(socket, icws::Milliseconds(static_cast<int64_t>(timeout_seconds * 1000)));
  if (const auto exit = replicas->run(control)) return *exit;
  if (*status) return control.status();
  if (*connections) return control.connections();
  if (*canisters) return control.canisters();
  for (const auto& [command, method] : managing) {
    if (*command) return control.manage(method, managed);
  }
  if (*submit) return control.call(call);
  if (*query) return control.query(call);
  if (*export_command) return control.export_transcript(to_export);
  return control.follow(follow);
}
