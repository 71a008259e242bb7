"""Every write of the オンライン相談・壁打ち. What decides is done under the month's lock (`places`)."""
