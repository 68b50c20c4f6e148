"""Writes glyphs.generated.ts: outlines of the letters that pictures are labelled with, from DejaVu Sans Condensed.

    pip install fonttools
    python src/pictures/glyphs.gen.py /usr/share/fonts/truetype/dejavu/DejaVuSansCondensed.ttf > src/pictures/glyphs.generated.ts

Only for maintainers: the product reads the generated file, needs no fonts, and draws the same letters on every machine.
"""
import json
import sys

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x100), 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x2212, 0xFFFD]
EM = 1000


class RelativePen(BasePen):
    """An SVG path, y downwards, in whole units of 1/EM, every coordinate relative to the one before."""

    def __init__(self, glyphs, scale):
        super().__init__(glyphs)
        self.scale, self.at, self.start, self.text = scale, (0, 0), (0, 0), ""

    def point(self, p):
        return round(p[0] * self.scale), round(-p[1] * self.scale)

    def add(self, command, *points):
        points = [self.point(p) for p in points]
        numbers = [str(c) for p in points for c in (p[0] - self.at[0], p[1] - self.at[1])]
        self.text += command + " ".join(numbers)
        self.at = points[-1]

    def _moveTo(self, p):
        self.add("m", p)
        self.start = self.at

    def _lineTo(self, p):
        self.add("l", p)

    def _qCurveToOne(self, control, p):
        self.add("q", control, p)

    def _closePath(self):
        self.text += "z"
        self.at = self.start


font = TTFont(sys.argv[1])
scale = EM / font["head"].unitsPerEm
glyphs, names, advances = font.getGlyphSet(), font.getBestCmap(), font["hmtx"]
print('''/**
 * Outlines of letters, by code point: [advance, SVG path], in units of 1/1000 of the font's size, y downwards from the baseline.
 * Written by glyphs.gen.py from DejaVu Sans Condensed.
 *
 * Fonts are (c) Bitstream (see below). DejaVu changes are in public domain.
 * Copyright (c) 2003 by Bitstream, Inc. All Rights Reserved. Bitstream Vera is a trademark of Bitstream, Inc.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of the fonts accompanying this license ("Fonts") and associated
 * documentation files (the "Font Software"), to reproduce and distribute the Font Software, including without limitation the rights to use, copy, merge,
 * publish, distribute, and/or sell copies of the Font Software, and to permit persons to whom the Font Software is furnished to do so, subject to the
 * following conditions: The above copyright and trademark notices and this permission notice shall be included in all copies of one or more of the Font
 * Software typefaces. The Font Software may be modified, altered, or added to, and in particular the designs of glyphs or characters in the Fonts may be
 * modified and additional glyphs or characters may be added to the Fonts, only if the fonts are renamed to names not containing either the words
 * "Bitstream" or the word "Vera". This License becomes null and void to the extent applicable to Fonts or Font Software that has been modified and is
 * distributed under the "Bitstream Vera" names. The Font Software may be sold as part of a larger software package but no copy of one or more of the Font
 * Software typefaces may be sold by itself. THE FONT SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
 * LIMITED TO ANY WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT OF COPYRIGHT, PATENT, TRADEMARK, OR OTHER RIGHT. IN NO
 * EVENT SHALL BITSTREAM OR THE GNOME FOUNDATION BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, INCLUDING ANY GENERAL, SPECIAL, INDIRECT, INCIDENTAL,
 * OR CONSEQUENTIAL DAMAGES, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF THE USE OR INABILITY TO USE THE FONT SOFTWARE OR FROM
 * OTHER DEALINGS IN THE FONT SOFTWARE.
 *
 * @license
 */''')
print("// biome-ignore-all format: generated")
print("export const GLYPHS: ReadonlyMap<number, readonly [advance: number, path: string]> = new Map([")
for code in LETTERS:
    name = names.get(code)
    if name is None:
        continue
    pen = RelativePen(glyphs, scale)
    glyphs[name].draw(pen)
    print(f"  [{code}, [{round(advances[name][0] * scale)}, {json.dumps(pen.text)}]],".replace('"', "'"))
print("]);")
