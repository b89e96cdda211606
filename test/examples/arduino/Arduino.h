// What the sketch uses of Arduino's API, on a PC. Pins and Serial go to stdout.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

using std::min;
using byte = uint8_t;

enum { LOW, HIGH, OUTPUT };

inline void pinMode(uint8_t, uint8_t) {}
inline void digitalWrite(uint8_t pin, uint8_t value) { printf("pin %d %s\n", pin, value == HIGH ? "HIGH" : "LOW"); }

inline unsigned long millis() {
  using namespace std::chrono;
  static const auto start = steady_clock::now();
  return duration_cast<milliseconds>(steady_clock::now() - start).count();
}
inline void delay(uint32_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }
inline long random(long below) { return below > 0 ? rand() % below : 0; }
inline float temperatureRead() { return 21.5f; }

struct HardwareSerial {
  void begin(unsigned long) {}
  __attribute__((format(printf, 2, 3))) int printf(const char *format, ...) {
    va_list values;
    va_start(values, format);
    const int written = vprintf(format, values);
    va_end(values);
    return written;
  }
};
inline HardwareSerial Serial;
