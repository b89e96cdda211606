// A network that is always there, and TCP by the sockets of a PC.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <Arduino.h>

enum { WIFI_STA = 1, WL_CONNECTED = 3 };

struct WiFiClass {
  bool mode(int) { return true; }
  int begin(const char *, const char *) { return WL_CONNECTED; }
  int status() { return WL_CONNECTED; }
};
inline WiFiClass WiFi;

class WiFiClient {
  int socket_ = -1;

 public:
  bool connect(const char *address, uint16_t port) {
    stop();
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, address, &to.sin_addr);
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(socket_, reinterpret_cast<sockaddr *>(&to), sizeof to) == 0) return true;
    stop();
    return false;
  }
  bool connected() const { return socket_ >= 0; }
  bool available() const {
    pollfd wanted{socket_, POLLIN, 0};
    return connected() && poll(&wanted, 1, 0) > 0;
  }
  // Waits for all of them; false when the connection ends before.
  bool read(uint8_t *bytes, size_t count) {
    if (connected() && (count == 0 || recv(socket_, bytes, count, MSG_WAITALL) == static_cast<ssize_t>(count))) return true;
    stop();
    return false;
  }
  bool write(const uint8_t *bytes, size_t count) {
    if (connected() && send(socket_, bytes, count, MSG_NOSIGNAL) == static_cast<ssize_t>(count)) return true;
    stop();
    return false;
  }
  void stop() {
    if (connected()) close(socket_);
    socket_ = -1;
  }
};
