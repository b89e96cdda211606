// A stand-in for PubSubClient, as much of its interface as the sketch uses: the signatures and the states are those
// of the library, what is behind them is not. It sends no pings.
#pragma once
#include <functional>
#include <string>
#include <WiFi.h>

class PubSubClient {
  WiFiClient &network_;
  const char *server_ = nullptr;
  uint16_t port_ = 0, keepAliveS_ = 15, bufferSize_ = 256, packetId_ = 0;
  int state_ = -1;
  std::function<void(char *, uint8_t *, unsigned int)> callback_;

  static std::string text(const std::string &value) { return number(value.size()) + value; }
  static std::string number(uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 255)}; }

  // Like the library, nothing that its buffer does not hold, with 5 bytes for a header.
  bool write(uint8_t type, const std::string &body) {
    if (body.size() + 5 > bufferSize_) return false;
    std::string packet(1, static_cast<char>(type));
    size_t left = body.size();
    do packet += static_cast<char>((left & 127) | (left > 127 ? 128 : 0));
    while (left >>= 7);
    packet += body;
    return network_.write(reinterpret_cast<const uint8_t *>(packet.data()), packet.size());
  }

  bool read(uint8_t &type, std::string &body) {
    if (!network_.read(&type, 1)) return false;
    size_t length = 0;
    uint8_t digit = 128;
    for (int shift = 0; digit & 128; shift += 7) {
      if (!network_.read(&digit, 1)) return false;
      length |= static_cast<size_t>(digit & 127) << shift;
    }
    body.resize(length);
    return network_.read(reinterpret_cast<uint8_t *>(&body[0]), length);
  }

 public:
  explicit PubSubClient(WiFiClient &network) : network_(network) {}
  PubSubClient &setServer(const char *server, uint16_t port) { return server_ = server, port_ = port, *this; }
  PubSubClient &setCallback(std::function<void(char *, uint8_t *, unsigned int)> callback) { return callback_ = callback, *this; }
  PubSubClient &setKeepAlive(uint16_t seconds) { return keepAliveS_ = seconds, *this; }
  bool setBufferSize(uint16_t size) { return bufferSize_ = size, true; }

  bool connect(const char *id, const char *user, const char *pass, const char *willTopic, uint8_t, bool, const char *, bool cleanSession) {
    if (willTopic != nullptr) abort();  // not here
    if (!network_.connect(server_, port_)) return state_ = -2, false;
    const char flags = static_cast<char>(0xc0 | (cleanSession ? 2 : 0));
    uint8_t type = 0;
    std::string answer;
    if (!write(0x10, text("MQTT") + "\4" + flags + number(keepAliveS_) + text(id) + text(user) + text(pass)) || !read(type, answer) || type != 0x20) return state_ = -4, false;
    state_ = answer[1];
    if (state_ != 0) network_.stop();
    return state_ == 0;
  }
  bool connected() {
    if (state_ == 0 && !network_.connected()) state_ = -3;
    return state_ == 0;
  }
  int state() { return state_; }
  bool subscribe(const char *filter, uint8_t qos) { return connected() && write(0x82, number(++packetId_) + text(filter) + static_cast<char>(qos)); }
  bool publish(const char *topic, const char *payload) { return connected() && write(0x30, text(topic) + payload); }

  bool loop() {
    uint8_t type;
    std::string body;
    if (!connected() || !network_.available() || !read(type, body) || (type & 0xf0) != 0x30 || body.size() + 5 > bufferSize_) return connected();
    const size_t length = static_cast<uint8_t>(body[0]) << 8 | static_cast<uint8_t>(body[1]);
    std::string topic = body.substr(2, length), payload = body.substr(2 + length);
    const bool answered = (type & 6) != 0;
    const std::string id = payload.substr(0, 2);
    if (answered) payload.erase(0, 2);
    callback_(&topic[0], reinterpret_cast<uint8_t *>(&payload[0]), payload.size());
    return answered ? write(0x40, id) : true;
  }
};
