// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_ARCHIVE_URI_HPP
#define AGENTSTORE_EXAMPLES_COMMON_ARCHIVE_URI_HPP

/// \file
/// From a URI to an archive, or to the queue before it. Nothing here knows one by name: each has a
/// file in archives/, which adds its kind.

#include "kinds_by_uri.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/capabilities/archive_reader.hpp>

#include <memory>
#include <string>

namespace example {

/// One archive, seen through its interfaces.
class Archive {
public:
  template <class Class>
  explicit Archive(std::shared_ptr<Class> archive) : for_dual_write_(archive), reader_(archive) {}

  const agentstore::ArchiveForDualWrite& for_dual_write() const { return for_dual_write_; }
  agentstore::IArchiveReader& reader() const { return *reader_; }

private:
  agentstore::ArchiveForDualWrite for_dual_write_;
  std::shared_ptr<agentstore::IArchiveReader> reader_;
};

using ArchiveKinds = KindsByUri<Archive>;

/// Where what waits for an archive outlives the process.
using QueueKinds = KindsByUri<agentstore::DualWriteQueue>;

} // namespace example

#endif
