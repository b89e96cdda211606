import { Box, Text, useCursor } from 'ink';
import type { ReactElement } from 'react';
import type { Frame } from '../model/frame.js';
import type { Line } from '../model/spans.js';

/** The screen, line by line. */
export function ScreenView({ frame: { lines, cursor } }: { readonly frame: Frame }): ReactElement {
  useCursor().setCursorPosition(cursor);
  return (
    <Box flexDirection="column">
      {lines.map((line, row) => (
        <LineView key={row} line={line} />
      ))}
    </Box>
  );
}

/** It is cut to fit before: a terminal may count columns otherwise than Ink does. */
function LineView({ line }: { readonly line: Line }): ReactElement {
  return (
    <Box height={1} flexShrink={0}>
      <Text wrap="truncate-end">
        {line.map(({ text, color, dim, bold }, at) => (
          <Text key={at} color={color} dimColor={dim} bold={bold}>
            {text}
          </Text>
        ))}
      </Text>
    </Box>
  );
}
