// icwsctl replicas: who the replicas are, and how that changes. A change goes by a file: one operator
// proposes it, as many as a quorum sign it, each with his own replica's word for what the set is, and anyone
// submits it.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/signature.h"
#include "replica/membership.h"
#include "tools/ctl_commands.h"
#include "tools/exit_status.h"
#include "tools/key_file.h"
#include "tools/key_ring.h"
#include "tools/terminal_text.h"

namespace icws::tools {
namespace {

namespace v1 = replica::v1;
using agreement::ReplicaKey;
using agreement::ReplicaSet;
using agreement::SetChange;
using agreement::SignedSetChange;

int usage(const std::string& what) {
  std::cerr << "icwsctl: " << terminal_text(what) << "\n";
  return kExitUsage;
}

ReplicaSet from_message(const v1::ReplicaSet& message) {
  ReplicaSet out;
  out.version = message.version();
  out.active_from = Height(message.active_from());
  out.next_index = ReplicaIndex(message.next_index());
  for (const auto& member : message.members())
    out.members.push_back({ReplicaIndex(member.index()), member.public_key()});
  return out;
}

std::expected<Bytes, std::string> key_from(const std::string& text) {
  auto key = from_hex(text);
  if (!key || key->size() != agreement::kPublicKeyBytes)
    return std::unexpected("a public key has 64 hexadecimal digits, not " + text);
  return std::move(*key);
}

// The members after the change; what cannot be is follow_unsigned()'s to say.
std::expected<std::vector<ReplicaKey>, std::string> changed(const ReplicaSet& set,
                                                            const ProposeArguments& arguments) {
  std::vector<ReplicaKey> out = set.members;
  const auto member = [&](uint32_t index) {
    return std::ranges::find(out, ReplicaIndex(index), &ReplicaKey::index);
  };
  for (const uint32_t index : arguments.remove) {
    if (member(index) == out.end()) return std::unexpected("there is no replica " + std::to_string(index));
    out.erase(member(index));
  }
  for (const std::string& text : arguments.rotate) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals > 4 ||
        text.find_first_not_of("0123456789") != equals)
      return std::unexpected("--rotate: give INDEX=PUBLIC KEY");
    const auto one = member(static_cast<uint32_t>(std::stoul(text.substr(0, equals))));
    if (one == out.end()) return std::unexpected("there is no replica " + text.substr(0, equals));
    auto key = key_from(text.substr(equals + 1));
    if (!key) return std::unexpected(key.error());
    one->public_key = std::move(*key);
  }
  ReplicaIndex next = set.next_index;
  for (const std::string& text : arguments.add) {
    auto key = key_from(text);
    if (!key) return std::unexpected(key.error());
    out.push_back({next, std::move(*key)});
    next = next.next();
  }
  return out;
}

// For the one who is to sign it.
std::string describe(const ReplicaSet& before, const SetChange& change) {
  std::string out = "from height " + std::to_string(change.active_from.value) + ", version " +
                    std::to_string(change.version) + ":\n";
  const auto line = [&](const ReplicaKey& member, const char* what) {
    out += "  replica " + std::to_string(member.index.value) + "  " + to_hex(member.public_key) + "  " +
           what + "\n";
  };
  for (const ReplicaKey& old : before.members) {
    const auto now = std::ranges::find(change.members, old.index, &ReplicaKey::index);
    if (now == change.members.end()) {
      line(old, "leaves");
    } else {
      line(*now, now->public_key == old.public_key ? "stays" : "gets this key");
    }
  }
  for (const ReplicaKey& member : change.members) {
    if (before.find(member.index) == nullptr) line(member, "comes in");
  }
  return out;
}

std::expected<SignedSetChange, std::string> read_change(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(file + ": cannot be read");
  const Bytes bytes(std::istreambuf_iterator<char>(in), {});
  auto change = replica::decode_set_change(bytes);
  if (!change) return std::unexpected(file + ": holds no change of a replica set");
  return std::move(*change);
}

bool write_change(const std::string& file, const SignedSetChange& change) {
  const std::string fresh = file + ".new";
  std::ofstream out(fresh, std::ios::binary);
  out << replica::encode_set_change(change);
  out.close();
  return out && std::rename(fresh.c_str(), file.c_str()) == 0;
}

}  // namespace

int Control::replicas() {
  const auto answer = client_.replicas(timeout_);
  if (!answer) return failed(answer.error());
  for (const auto& message : answer->sets()) {
    const ReplicaSet set = from_message(message);
    const bool now = set.active_from.value <= answer->height();
    std::cout << "version " << set.version << (now ? ", active since height " : ", TO COME at height ")
              << set.active_from.value << "; " << set.quorum().f() << " may fail, " << set.quorum().q()
              << " decide\n";
    TextTable table;
    table.row({"replica", "public key"});
    for (const ReplicaKey& member : set.members)
      table.row({std::to_string(member.index.value), to_hex(member.public_key)});
    std::cout << table.format("  ");
  }
  return kExitOk;
}

int Control::propose_change(const ProposeArguments& arguments) {
  const auto answer = client_.replicas(timeout_);
  if (!answer) return failed(answer.error());
  if (answer->sets().empty()) return usage("the replica knows no replica set");
  const ReplicaSet set = from_message(*answer->sets().rbegin());
  auto members = changed(set, arguments);
  if (!members) return usage(members.error());
  SignedSetChange out;
  out.change = {set.hash(), set.version + 1, Height(answer->height() + arguments.blocks_ahead),
                std::move(*members)};
  if (const auto next = agreement::follow_unsigned(set, out.change); !next)
    return usage(next.error().message);
  if (!write_change(arguments.file, out)) return usage(arguments.file + ": cannot be written");
  std::cout << describe(set, out.change) << "to be signed by " << set.quorum().q() << " of "
            << set.members.size() << " replicas: " << arguments.file << "\n";
  return kExitOk;
}

int Control::sign_change(const SignArguments& arguments) {
  auto change = read_change(arguments.file);
  if (!change) return usage(change.error());
  const auto answer = client_.replicas(timeout_);
  if (!answer) return failed(answer.error());
  if (answer->sets().empty()) return usage("the replica knows no replica set");
  const ReplicaSet set = from_message(*answer->sets().rbegin());
  if (const auto next = agreement::follow_unsigned(set, change->change); !next)
    return usage(next.error().message);
  const Bytes message = agreement::set_change_sign_bytes(answer->chain_id(), change->change);
  for (const std::string& file : arguments.keys) {
    const auto seed = read_key_file(file);
    if (!seed) return usage(seed.error());
    const SigningKey key(*seed);
    const auto member = std::ranges::find(set.members, key.public_key(), &ReplicaKey::public_key);
    if (member == set.members.end()) return usage(file + ": is the key of no replica of the present set");
    std::erase_if(change->signatures, [&](const auto& one) { return one.member == member->index; });
    change->signatures.push_back({member->index, key.sign(message)});
  }
  std::ranges::sort(change->signatures, {}, &SignedSetChange::Signature::member);
  if (!write_change(arguments.file, *change)) return usage(arguments.file + ": cannot be written");
  std::cout << describe(set, change->change) << change->signatures.size() << " of " << set.quorum().q()
            << " signatures\n";
  return kExitOk;
}

int Control::submit_change(const std::string& file) {
  const auto change = read_change(file);
  if (!change) return usage(change.error());
  const auto answer = client_.change_replicas(replica::encode_set_change(*change), timeout_);
  if (!answer) return failed(answer.error());
  if (!answer->ok()) {
    std::cerr << "icwsctl: rejected: " << terminal_text(answer->reply()) << "\n";
    return kExitRejected;
  }
  std::cout << terminal_text(answer->reply()) << "\n";
  return kExitOk;
}

int create_next_key(const std::string& key_file) {
  try {
    const SigningKey key(create_key_file(next_key_file(key_file)));
    std::cout << to_hex(key.public_key()) << "\n";
    return kExitOk;
  } catch (const std::exception& error) {
    return usage(error.what() +
                 std::string(": where a next key is there, it must first take the place of the present one"));
  }
}

}  // namespace icws::tools
