// SPDX-License-Identifier: Apache-2.0
// The vault: what makes personal text readable, and unreadable for ever. Each subject has a key of
// its own; a personal value lies in log and parts only as XChaCha20-Poly1305 of it under that key,
// bound to touchpoint and property. To erase somebody is to destroy the key. May use base/, io/,
// model/, sqlite_vfs.h, key_tree.h, libsodium. Calls from several threads are fine, except close;
// what changes the vault is for the store's writer only, and once a change has failed every other
// is DS_READONLY.
//
// Files, all below the store:
//   keys.sqlite   the tree of keys (key_tree.h), the store's secrets, who was erased. Everything
//                 but the names of tables is wrapped by the master key; rollback journal,
//                 synchronous EXTRA, secure_delete. Never made anew once a MANIFEST names it.
//   key           the master key as text, mode 0600; or a file elsewhere
//   key.new       a master key under way (rotation); the next writer finishes or forgets it
// A backup copies neither of the three, unless asked. All of a store's subjects, those of later
// years too, follow from one keys.sqlite, so a copy of it does not age, but it must be destroyed
// when somebody has been erased: it still has the key.
//
// Tables: secret(name, value); family(level, path, keys); erased(hash, when_ms), where `hash` is
// the subject's keyed hash, which stays, so that the person is not taken in again, and so that a
// restored backup can be rid of the events once more (erase.h). From the first return on, which
// makes the format's version 2: returned(hash, generation, erasures, erased_ms, returned_ms,
// reason), one row for each erasure that no longer keeps its subject out; `erasures` were there by
// then. The database's application id is the number of rows of both, of all erasures ever: whether
// somebody is still to be removed is known without any key.
//
// V1 no record in log or part needs a key that is not durable: keys follow from the tree, which is
//    durable before MANIFEST names it, and MANIFEST names it before the first record.
// V2 after ds_vault_erase has returned, no file of the store yields the subject's key.
// V3 a value opens only where it was sealed: subject, touchpoint and property.
// V4 equal values at one place of one subject are equal bytes, all others differ: what was imported
//    twice is recognised, and nothing else is told.
// V5 a subject that is taken in again has a key of its own generation: the leaf of the subject's
//    text with the generation behind it. What was sealed before stays closed.
#ifndef DS_STORE_VAULT_H
#define DS_STORE_VAULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "io/io.h"
#include "model/value.h"

typedef struct ds_vault ds_vault;

// Where a vault lies, and who opens it.
typedef struct ds_vault_options {
  ds_io *io;
  const char *directory; // of the store
  const char *key_file;  // with the master key; NULL = <directory>/key, made with the vault
  uint64_t fingerprint;  // what MANIFEST says; 0 = no vault was named yet
  bool write;            // the store's writer: may make the vault, and changes it
  bool is_copy;          // in a backup, whose keys.sqlite is replaced, never written to
} ds_vault_options;

// Opens the vault; a writer makes it when `fingerprint` is 0 and none is there. DS_MISSING: keys or
// master key are not there. DS_CORRUPT: damaged, or the master key is of another vault. DS_BUSY: a
// writer died while changing it, and this is a reader. The caller closes (NULL is fine).
DS_CHECKED ds_code ds_vault_open(const ds_vault_options *options, ds_vault **ret_vault,
                                 ds_error *err);
void ds_vault_close(ds_vault *vault);

// What MANIFEST keeps of it: tells vaults apart and nothing else. Never 0.
uint64_t ds_vault_fingerprint(const ds_vault *vault);

// The subject of a personal identifier, "email=#<32 hex digits>": a keyed hash of `text`, which
// the caller has normalised. `out` holds DS_VAULT_SUBJECT_BYTES; the kind has at most 255.
enum { DS_VAULT_SUBJECT_BYTES = 255 + 2 + 32 + 1 };
void ds_vault_subject(const ds_vault *vault, ds_str kind, ds_str text, char *out);

// Where a value stands; texts, so that codes may change.
typedef struct ds_vault_place {
  ds_str subject; // "kind=text"
  ds_str touchpoint;
  ds_str property;
} ds_vault_place;

// How many bytes sealing adds to a text.
enum { DS_SEAL_BYTES = 16 + 1 + 16 };

// Appends the sealed form of a value that is not null, and gives *ret_sealed as a value of type
// SEALED whose text is that form; a view of `out` until its next append. DS_NO: the subject's key
// was destroyed.
DS_CHECKED ds_code ds_vault_seal(ds_vault *vault, const ds_vault_place *place,
                                 const ds_value *value, ds_buf *out, ds_value *ret_sealed,
                                 ds_error *err);

// Opens a sealed value; a text lies in `arena`. DS_NO: the key was destroyed. DS_CORRUPT: not what
// was sealed at this place.
DS_CHECKED ds_code ds_vault_unseal(ds_vault *vault, const ds_vault_place *place,
                                   const ds_value *sealed, ds_arena *arena, ds_value *ret_value,
                                   ds_error *err);

// How many subjects keys.sqlite in `directory` may say are erased: exact unless a change is under
// way. DS_CORRUPT: open it to know.
DS_CHECKED ds_code ds_vault_count_erased(ds_io *io, const char *directory, uint32_t *ret_count,
                                         ds_error *err);

// Is this subject erased, and not taken in again? How many erasures were there? Safe from several
// threads while nothing changes.
bool ds_vault_is_erased(const ds_vault *vault, ds_str subject);
uint32_t ds_vault_erased_count(const ds_vault *vault);

// Whether the subject's events are to go from a store that is rid of the first `done` erasures: it
// is erased, or was by an erasure that the store does not know of and taken in again since.
bool ds_vault_is_to_go(const ds_vault *vault, ds_str subject, uint32_t done);

// The same of many subjects, in a third of the time each; how many there are of whom it is true.
uint32_t ds_vault_find_to_go(const ds_vault *vault, const ds_str *subjects, uint32_t count,
                             uint32_t done, bool *ret_is_to_go);

// Makes sure that who is erased is on disk, before a writer goes by it: the process that erased
// them may have failed when that was in sight only.
DS_CHECKED ds_code ds_vault_settle(ds_vault *vault, ds_error *err);

// Destroys the keys of these subjects and notes them as erased, durably, all or none.
DS_CHECKED ds_code ds_vault_erase(ds_vault *vault, const ds_str *subjects, uint32_t count,
                                  int64_t when_ms, ds_error *err);

// The most bytes of a reason for taking somebody in again.
enum { DS_REASON_BYTES_MAX = 500 };

// Lets an erased subject be taken in again, durably, with a key that opens nothing sealed before;
// notes when and why. All erasures must be done in the store. DS_NO: the subject is not erased.
// DS_LIMIT: the reason is too long.
DS_CHECKED ds_code ds_vault_readmit(ds_vault *vault, ds_str subject, int64_t when_ms,
                                    ds_str reason, ds_error *err);

// Whether the key that an erasure destroyed can be derived. Untold: the subject had come back
// before, and then its key follows from the whole identifier alone.
typedef enum ds_vault_key {
  DS_VAULT_KEY_DESTROYED, DS_VAULT_KEY_THERE, DS_VAULT_KEY_UNTOLD
} ds_vault_key;

// What the vault keeps of an erasure; nothing that names anybody.
typedef struct ds_vault_erasure {
  uint8_t hash[16];    // keyed, of the identifier
  int64_t erased_ms;
  bool is_returned;    // taken in again since
  int64_t returned_ms; // when
  ds_str reason;       // why, as it was given
  ds_vault_key key;
} ds_vault_erasure;

// Tells of all erasures, in the order of their instants, or of those of one subject. What is told
// lasts for the call of `each`.
DS_CHECKED ds_code ds_vault_list(ds_vault *vault, const ds_str *subject,
                                 void (*each)(void *context, const ds_vault_erasure *erasure),
                                 void *context, ds_error *err);

// Wraps everything by another master key, durably: a new one in the key's place, or, when
// `key_file` is not NULL, the one in that file. The old one opens nothing afterwards.
DS_CHECKED ds_code ds_vault_rotate(ds_vault *vault, const char *key_file, ds_error *err);

// Writes a fresh master key to a new file, mode 0600.
DS_CHECKED ds_code ds_vault_make_key_file(ds_io *io, const char *path, ds_error *err);

// What there was to copy: no keys, keys whose master key is kept elsewhere, or both.
typedef enum ds_vault_copied {
  DS_VAULT_COPIED_NONE, DS_VAULT_COPIED_LOCKED, DS_VAULT_COPIED_WHOLE
} ds_vault_copied;

// Copies keys.sqlite, and the master key when it lies beside it, from one folder to another, with
// mode 0600. A copy that was there stays whole until the new one is. A writer may be at work.
DS_CHECKED ds_code ds_vault_copy(ds_io *io, const char *from, const char *to,
                                 ds_vault_copied *ret_copied, ds_error *err);

// Removes such copies; nothing to remove is fine.
DS_CHECKED ds_code ds_vault_remove(ds_io *io, const char *from, ds_error *err);

// Reads everything; `each` gets a line per damage.
DS_CHECKED ds_code ds_vault_check(ds_vault *vault,
                                  void (*each)(void *context, const char *line), void *context,
                                  ds_error *err);

#endif
