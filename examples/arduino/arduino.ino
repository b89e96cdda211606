// A device on an ESP32: sends a reading every minute, and takes commands, also those of the time it was away.
#include <WiFi.h>
#include <PubSubClient.h>

const char *wifiName = "...";
const char *wifiPassword = "...";
const char *server = "192.168.1.10";
const uint16_t port = 1883;
const char *clientId = "meter:esp32";  // <user>:<device>, always the same: the server keeps the place of this device
const char *user = "meter";
const char *token = "...";
const char *readingsTo = "to/alice/raw";
const char *commands = "u/meter/raw/#";
const int ledPin = 2;

const unsigned long readEveryMs = 60000;
const unsigned long longestWaitMs = 120000;

WiFiClient network;
PubSubClient mqtt(network);
unsigned long lastReadingMs = 0;
unsigned long waitMs = 1000;
unsigned long triedMs = 0;

// u/meter/raw/<conversation>/<from>. A command may come twice: "on" twice is on.
void received(char *topic, byte *payload, unsigned int length) {
  if (length == 2 && memcmp(payload, "on", 2) == 0) digitalWrite(ledPin, HIGH);
  if (length == 3 && memcmp(payload, "off", 3) == 0) digitalWrite(ledPin, LOW);
}

// One try; true when connected. The wait doubles, with jitter: a server that restarts is not met by all at once.
bool connectNow() {
  triedMs = millis();
  const bool cleanSession = false;
  if (mqtt.connect(clientId, user, token, nullptr, 0, false, nullptr, cleanSession) && mqtt.subscribe(commands, 1)) {
    waitMs = 1000;
    return true;
  }
  // 4 and 5: the token is refused. It will be the next time, too.
  Serial.printf("not connected: %d\n", mqtt.state());
  waitMs = min(longestWaitMs, waitMs * 2);
  waitMs = waitMs / 2 + random(waitMs / 2);
  return false;
}

void setup() {
  Serial.begin(115200);
  pinMode(ledPin, OUTPUT);
  WiFi.mode(WIFI_STA);
  WiFi.begin(wifiName, wifiPassword);
  mqtt.setServer(server, port);
  mqtt.setBufferSize(1024);
  mqtt.setKeepAlive(60);
  mqtt.setCallback(received);
}

void loop() {
  if (WiFi.status() != WL_CONNECTED) return delay(100);
  if (!mqtt.connected() && (millis() - triedMs < waitMs || !connectNow())) return delay(10);
  mqtt.loop();
  if (lastReadingMs != 0 && millis() - lastReadingMs < readEveryMs) return;
  char reading[32];
  snprintf(reading, sizeof reading, "%.1f", temperatureRead());
  if (mqtt.publish(readingsTo, reading)) lastReadingMs = millis();
}
