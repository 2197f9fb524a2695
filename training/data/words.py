"""Everyday words to fill slots with: names, things, foods, animals, places, sentences.

Out: tuples of strings. Plain lists, nothing computed but the split.
"""

from __future__ import annotations


def listed(text: str, mark: str = ",") -> tuple[str, ...]:
    """The parts of a text between marks."""
    parts = text.replace("\n", "," if mark == "," else " ").split(mark)
    return tuple(part.strip() for part in parts if part.strip())


PERSONS = listed("""
Maria, Tom, Aisha, Jonas, Priya, Ben, Sofia, Liam, Chloe, Omar, Ingrid, Kenji, Lucia, Sam, Nadia,
Oscar, Fatima, Jack, Emma, Noah, Olivia, Ava, Leo, Mia, Ethan, Zoe, Ivan, Hana, Diego, Elena, Marco,
Anna, Peter, Julia, David, Sarah, Mike, Rachel, Kofi, Amara, Yusuf, Leila, Chen, Mei, Ravi, Anjali,
Tariq, Salma, Pedro, Camila, Lars, Freya, Niamh, Sean, Bridget, Callum, Isla, Hugo, Manon, Luc,
Grace, Henry, Ruby, Alfie, Poppy, Dexter, Violet, Arthur, Nora, Felix, Greta, Otto, Matilda, Igor,
Katya, Dmitri, Zofia, Piotr, Eva, Janos, Mateo, Valentina, Thiago, Beatriz, Kwame, Zainab, Tunde,
Ngozi, Hassan, Yara, Mehmet, Elif, Nikos, Dana, Gil, Ruth, Joel, Paula, Grandma, Uncle Ray, Aunt Jo,
Mr Patel, Mrs Lee, Dr Novak, Ms Okafor, coach Dan, little Timmy, Bob, Alice, Charlie, Rosa, Ahmed""")

ITEMS = listed("""
pencils, marbles, stickers, notebooks, buttons, candles, chairs, bricks, tiles, tickets, balloons,
stamps, coins, books, cards, bottles, mugs, plates, spoons, forks, socks, shirts, scarves, gloves,
postcards, magnets, keyrings, batteries, light bulbs, screws, nails, boxes, crates, parcels,
envelopes, flyers, posters, badges, beads, shells, pebbles, flowers, roses, tulips, seeds, pots,
lanterns, mirrors, cushions, blankets, towels, pillows, lamps, tables, bikes, skateboards, helmets,
balls, rackets, dolls, puzzles, toy cars, crayons, markers, erasers, rulers, folders, staplers,
paper clips, chargers, cables, headphones, phone cases, mouse pads, ribbons, bows, hats, belts,
umbrellas, backpacks, suitcases, tents, ropes, buckets, brushes, paint cans, planks, windows, doors,
apples, oranges, lemons, eggs, cookies, cupcakes, muffins, bagels, doughnuts, sandwiches, pizzas,
chocolates, sweets, lollipops, juice boxes, water bottles, cans of beans, jars of honey, tea bags""")

SINGLE_ITEMS = listed("""
pencil, chair, lamp, book, phone, laptop, bike, sofa, table, umbrella, backpack, suitcase, mirror,
kettle, toaster, blender, fridge, guitar, violin, drum kit, camera, watch, ring, necklace, jacket,
coat, scarf, hat, pair of boots, tent, sleeping bag, rucksack, carpet, curtain, cushion, blanket,
television, radio, printer, keyboard, monitor, desk, wardrobe, ladder, hammer, drill, wheelbarrow,
lawnmower, brick, stone, vase, painting, candle, teapot, mug, plate, spoon, pizza, cake, sandwich,
tyre, scooter, skateboard, football, racket, kite, puzzle, doll, teddy bear, piano, trumpet""")

FOODS = listed("""
apples, bananas, oranges, pears, mangoes, bagels, muffins, tacos, burritos, dumplings, pizza,
pancakes, waffles, sushi rolls, samosas, croissants, cookies, brownies, doughnuts, sandwiches,
sausages, burgers, hot dogs, eggs, potatoes, carrots, onions, tomatoes, peppers, avocados, melons,
lemons, peaches, plums, strawberries, cherries, grapes, olives, cheese, yoghurts, ice creams,
cupcakes, pretzels, noodles, rice cakes, meatballs, falafels, lasagne, risotto, soup, salad, curry""")

ANIMALS = listed("""
dog, cat, horse, cow, goat, sheep, pig, hen, duck, goose, rabbit, hamster, mouse, parrot, owl, fox,
wolf, bear, deer, hedgehog, squirrel, badger, otter, seal, whale, dolphin, shark, tuna, octopus,
frog, toad, newt, snake, lizard, turtle, crocodile, elephant, giraffe, zebra, lion, tiger, leopard,
camel, llama, donkey, monkey, gorilla, penguin, flamingo, eagle, spider, beetle, bee, ant, snail""")

PLACES = listed("""
the library, the station, the office, our school, the gym, the old mill, the harbour, the market,
the stadium, grandma's house, the airport, the town hall, the swimming pool, the bakery, the museum,
the park, the hospital, the cinema, the warehouse, the camp site, the farm, the beach, the hotel""")

WORDS = listed("""
banana, rhythm, window, elephant, keyboard, puzzle, harbour, whisper, cinnamon, galaxy, journey,
kitchen, lantern, marble, necklace, orchard, pepper, quartz, ribbon, sandal, thunder, umbrella,
velvet, walnut, yellow, zipper, balance, candle, dragon, engine, feather, garden, hammer, island,
jungle, kettle, library, mountain, notebook, ocean, planet, question, river, silver, ticket, valley""")

SENTENCES = listed(
    """
the train was late again; I left my keys on the table; nobody came to the meeting on friday;
we should meet before lunch; my brother has two dogs and a parrot; the soup is too salty;
please call me back tonight; it rained all weekend; the old bridge is closed for repairs;
she sells sea shells by the sea shore; his flight lands at noon; our neighbours are very loud;
the shop opens at nine; I can't find the red folder; the garden looks lovely in spring;
they moved to a smaller flat; the bus stops near the river; my phone fell into the lake;
this is the best cake I ever had; the report is due on monday; we ran out of milk;
the cat sleeps on the warm roof; he forgot the tickets at home; the lights went out at ten;
everyone laughed at the joke; the letter arrived yesterday; our team won the last game;
you are invited to the party; the painting hangs in the hall; we need more chairs for the guests
""",
    ";",
)

LANGUAGES = listed("""
Spanish, French, German, Italian, Portuguese, Dutch, English, Arabic, Russian, Swahili, Greek,
Swedish, Danish, Polish, Czech, Hungarian, Turkish, Japanese, Korean, Thai, Hindi, Bengali, Urdu,
Persian, Finnish, Romanian, Malay, Vietnamese, Hebrew, Albanian, Croatian, Serbian, Catalan""")

TIME_CITIES = listed("""
London, Tokyo, New York, Sydney, Berlin, Paris, Madrid, Rome, Oslo, Helsinki, Lisbon, Dublin, Cairo,
Nairobi, Lagos, Johannesburg, Dubai, Mumbai, Delhi, Karachi, Dhaka, Bangkok, Jakarta, Singapore,
Manila, Shanghai, Beijing, Hong Kong, Seoul, Perth, Melbourne, Auckland, Honolulu, Anchorage,
Los Angeles, San Francisco, Seattle, Denver, Chicago, Toronto, Montreal, Vancouver, Mexico City,
Bogotá, Lima, Santiago, Buenos Aires, São Paulo, Caracas, Havana, Reykjavik, Athens, Istanbul,
Moscow, Kyiv, Warsaw, Prague, Vienna, Zurich, Amsterdam, Brussels, Copenhagen, Stockholm, Tehran,
Baghdad, Riyadh, Kathmandu, Colombo, Hanoi, Taipei, Accra, Casablanca, Tunis, Addis Ababa""")

TOPICS = listed(
    """
photosynthesis, black holes, the French Revolution, Ada Lovelace, the Silk Road, jazz, origami,
plate tectonics, Frida Kahlo, the Renaissance, tardigrades, cubism, the Great Wall, sourdough,
Nikola Tesla, the Roman Empire, quantum computing, sloths, Mozart, the Magna Carta, volcanoes,
Marie Curie, flamenco, bitcoin, the Panama Canal, DNA, penicillin, Leonardo da Vinci, haiku, chess,
the Eiffel Tower, Machu Picchu, coral reefs, the Black Death, Alan Turing, mitochondria, opera,
the Berlin Wall, Shakespeare, kimchi, aurora borealis, Cleopatra, the Big Bang, vaccines, tango,
Charles Darwin, the Odyssey, gravity waves, bonsai, Stonehenge, the Ottoman Empire, saffron, bees,
Rosa Parks, the Bauhaus, dark matter, the Titanic, calligraphy, Confucius, glaciers, Nelson Mandela,
impressionism, the periodic table, sumo, Galileo, the Inca, hieroglyphs, tsunamis, Beethoven, yoga,
the Suez Canal, platypuses, semaphore, Vincent van Gogh, the Enlightenment, ramen, the Moon landing,
Hypatia, cricket, the gold rush, enzymes, Genghis Khan, the Louvre, insulin, Gothic architecture,
the Vikings, typography, Isaac Newton, mangroves, the Colosseum, fermentation, Simón Bolívar, salsa
"""
)
