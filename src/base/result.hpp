// Result<T>: a value or an Error. The one error type of the project.
//
//   Result<int> parse(std::string_view text) {
//       if (text.empty()) return Error{"empty number"};
//       return 42;
//   }
//   auto number = parse(text);
//   if (!number) return std::move(number).error().within("reading configuration");
//   use(*number);
//
// Functions that can only fail return Result<void>; `return {}` means success. Only the shell and the
// tools print errors; everything below returns them. (<expected> is out of reach for clang 14.)
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "base/check.hpp"

namespace ipmp {

struct Error {
    std::string text;
    int error_number = 0;  // errno value where the failure came from a system call, else 0

    // The same failure, with what was being done put in front.
    Error within(const std::string& context) const { return {context + ": " + text, error_number}; }
};

// An Error for a failed system call; reads errno unless told the number.
inline Error system_error(const std::string& what, int error_number = errno) {
    return {what + ": " + std::strerror(error_number), error_number};
}

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return content_.index() == 0; }
    T& operator*() & { return value(); }
    const T& operator*() const& { return const_cast<Result*>(this)->value(); }
    T&& operator*() && { return std::move(value()); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &const_cast<Result*>(this)->value(); }
    const Error& error() const {
        IPMP_CHECK(!*this);
        return std::get<1>(content_);
    }

  private:
    T& value() {
        IPMP_CHECK(*this);
        return std::get<0>(content_);
    }
    std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    explicit operator bool() const { return !failed_; }
    const Error& error() const {
        IPMP_CHECK(failed_);
        return error_;
    }

  private:
    Error error_;
    bool failed_ = false;
};

}  // namespace ipmp
