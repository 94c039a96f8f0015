/** The template that the rows on content render, here and in a block of ours, and what it is filled with. */
export const cartTemplate = `<p>Hi {{ firstName }},</p>
<table>{% for item in cart.items %}
<tr><td><a href="https://shop.example/p/{{ item.product_id }}">{{ item.name }}</a></td><td>{{ item.quantity }}</td><td>{{ item.price }}</td></tr>{% endfor %}
</table>
<p>{{ cart.count }} items for {{ cart.value }} {{ cart.currency }}</p>`;

/** Four items, as the e-commerce pack keeps a cart. */
export const cartItems = Array.from({ length: 4 }, (_, index) => ({
  product_id: `P${index}`,
  name: `Trail shoe ${index}`,
  price: 84 + index,
  quantity: 1,
}));
