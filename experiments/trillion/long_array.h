// An array of more than 2^32 words through both delta formats at its far end.
#pragma once

#include "base/tensor_layout.h"
#include "sync/array_table.h"

namespace dws {

// 2^32 words and 16 tiles more.
TensorSpec long_array();

// Changes in the array's first and last tile survive both interchange encodings, and their digest
// is that of their positions. Throws std::runtime_error where not. array: its index in the table.
void check_long_array(const ArrayTable& table, std::size_t array);

}  // namespace dws
