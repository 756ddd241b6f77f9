#include "core/placement.hpp"
