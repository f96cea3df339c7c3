// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_phrases.h"

#include <string.h>

#include "ingest/simulate_parameters.h"

enum { THEME_DELIVERY, THEME_PRODUCT, THEME_SERVICE, THEMES };
enum { MOOD_BAD, MOOD_FAIR, MOOD_GOOD, MOODS };
enum { LANGUAGES = 2, PHRASES = 4 };

static const char *const phrases[LANGUAGES][THEMES][MOODS][PHRASES] = {
    {
        {
            {"Delivery came far too late.", "I waited and waited for the parcel.",
             "The promised date was not kept, very annoying.", "Tracking said nothing for days."},
            {"Delivery was okay.", "The parcel took its time.", "It arrived in the end.",
             "Delivery could be quicker."},
            {"Arrived when promised.", "Fast delivery, well packed.",
             "Came sooner than I expected.", "The courier was friendly."},
        },
        {
            {"The product is a disappointment.", "Poor quality, not worth the price.",
             "It broke after a week.", "Not at all like the picture."},
            {"The product does what it should.", "Quality is average.", "It is fine for the price.",
             "Smaller than I thought."},
            {"I love it.", "Great quality, exactly as described.", "Works perfectly.",
             "Would buy it again."},
        },
        {
            {"Support took ages to answer.", "Nobody could help me, terrible service.",
             "I had to ask three times.", "The answer was useless."},
            {"Support answered in the end.", "The service is okay.", "Ordering is a bit clumsy.",
             "Nothing special about the service."},
            {"Support helped me at once.", "Very friendly service.", "Ordering was easy.",
             "I am happy with this shop."},
        },
    },
    {
        {
            {"A entrega atrasou muito.", "Esperei demais pelo pacote, péssimo.",
             "Não cumpriram o prazo.", "O rastreio ficou dias sem informação."},
            {"A entrega foi razoável.", "O pacote demorou um pouco.", "Chegou no fim das contas.",
             "A entrega podia ser mais rápida."},
            {"Chegou no prazo.", "Entrega rápida e bem embalada.", "Chegou antes do previsto.",
             "O entregador foi muito atencioso."},
        },
        {
            {"O produto é uma decepção.", "Qualidade ruim, não vale o preço.",
             "Quebrou em uma semana.", "Não é nada parecido com a foto."},
            {"O produto cumpre o que promete.", "A qualidade é média.", "Pelo preço está bom.",
             "É menor do que eu pensava."},
            {"Adorei o produto.", "Ótima qualidade, igual à descrição.",
             "Funciona perfeitamente.", "Compraria de novo."},
        },
        {
            {"O atendimento demorou para responder.", "Ninguém resolveu, atendimento horrível.",
             "Tive que perguntar três vezes.", "A resposta não ajudou em nada."},
            {"O atendimento respondeu no fim.", "O serviço é razoável.",
             "Fazer o pedido é um pouco complicado.", "Nada de especial no atendimento."},
            {"O atendimento me ajudou na hora.", "Serviço muito gentil.",
             "Foi fácil fazer o pedido.", "Estou feliz com esta loja."},
        },
    },
};

// A sentence: language, theme, mood and phrase in 8 bits.
static uint32_t sentence(ds_dice *dice, bool portuguese, uint32_t theme, uint32_t mood) {
  return (uint32_t)portuguese << 6 | theme << 4 | mood << 2 | ds_dice_below(dice, PHRASES);
}

static uint32_t draw_theme(ds_dice *dice, bool late, bool slow) {
  static const uint16_t themes[3][THEMES] = {{30, 55, 15}, {75, 15, 10}, {15, 20, 65}};
  return ds_dice_pick(dice, themes[late ? 1 : slow ? 2 : 0]);
}

// Bits 0..7: the first sentence; 8..15: the second; 16: there is a second; 17: without accents.
uint32_t ds_sim_draw_phrases(ds_dice *dice, bool portuguese, uint32_t stars, bool late,
                             bool slow) {
  const uint32_t mood = stars <= 2 ? MOOD_BAD : stars == 3 ? MOOD_FAIR : MOOD_GOOD;
  const uint32_t theme = draw_theme(dice, late, slow);
  uint32_t text = sentence(dice, portuguese, theme, mood);
  if (ds_dice_chance(dice, SHOP_TEXT_TWO)) {
    // Who was let down by the delivery may still praise the product.
    const bool praise = mood == MOOD_BAD && theme == THEME_DELIVERY && ds_dice_chance(dice, 3000);
    const uint32_t other = (theme + 1) % THEMES;
    text |= 1u << 16 | sentence(dice, portuguese, other, praise ? MOOD_GOOD : mood) << 8;
  }
  if (portuguese && ds_dice_chance(dice, SHOP_TEXT_PLAIN))
    text |= 1u << 17;
  return text;
}

// The letter without its accent of a character U+00C0..U+00FF, by the second of its UTF-8 bytes.
static char plain_letter(unsigned char second) {
  static const char letters[] = "AAAAAAACEEEEIIIIDNOOOOO*OUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
  return letters[second & 0x3f];
}

static char *put_sentence(char *at, uint32_t code, bool plain) {
  const char *from = phrases[code >> 6 & 1][code >> 4 & 3][code >> 2 & 3][code & 3];
  for (; *from != '\0'; from++) {
    if (plain && (unsigned char)*from == 0xc3)
      *at++ = plain_letter((unsigned char)*++from);
    else
      *at++ = *from;
  }
  return at;
}

char *ds_sim_put_phrases(char *at, uint32_t text) {
  const bool plain = (text >> 17 & 1) != 0;
  at = put_sentence(at, text & 0xff, plain);
  if ((text >> 16 & 1) == 0)
    return at;
  *at++ = ' ';
  return put_sentence(at, text >> 8 & 0xff, plain);
}
