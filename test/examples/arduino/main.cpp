#include SKETCH

int main() {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  setup();
  for (;;) loop();
}
