/*
 * A weights file as torch.save writes it since PyTorch 1.6 (pytorch_model.bin).
 *
 * Layout: a zip archive (zip_reader.h) of one folder with data.pkl, a pickle of the dictionary name
 * -> tensor (unpickler.h); data/<key>, a storage each, as its bytes; byteorder ("little") and
 * version. Nothing of the pickle is ever run. What is checked at the opening: the archive, the
 * pickle and its sum, every storage's size and every tensor's place. The storages' own sums are
 * left to zip_reader_check (a tensor's part), since that reads all of the file.
 */
#ifndef CORE_HUB_TORCH_ZIP_H
#define CORE_HUB_TORCH_ZIP_H

#include "core/base/err.h"
#include "core/hub/stored_tensor.h"

#include <stddef.h>

struct torch_zip;

/*
 * Map a file and check it; tensors live as long as the handle. ERR_UNSUPPORTED, with what to do,
 * for the formats before 1.6, for TorchScript and for a pickle that wants to call something.
 */
int torch_zip_open(const char *path, struct torch_zip **out, struct err *err);

/* NULL is fine. */
void torch_zip_close(struct torch_zip *file);

size_t torch_zip_count(const struct torch_zip *file);

/* Ascending by name; NULL behind the last. */
const struct stored_tensor *torch_zip_at(const struct torch_zip *file, size_t index);

#endif
